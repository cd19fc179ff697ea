import fc from 'fast-check';
import type { DownwardFacts } from '../../../agent/objects/downward.ts';
import type {
  ConfigMap,
  Container,
  ObjectKind,
  ObjectReader,
  ObjectsByKind,
  Pod,
  Secret,
  Service,
} from '../../../agent/objects/types.ts';

export const FACTS: DownwardFacts = {
  nodeName: 'node-1',
  podIps: ['192.0.2.7', '2001:db8::7'],
  hostIps: ['198.51.100.1', '2001:db8:1::1'],
  allocatable: { cpuMillis: 3500, memoryBytes: 4 * 1024 ** 3, ephemeralStorageBytes: 10_000 },
};

export function container(fields: Partial<Container> = {}): Container {
  return {
    name: 'app',
    image: 'registry/app:1',
    imagePullPolicy: 'IfNotPresent',
    resources: {},
    env: [],
    ports: [],
    volumeMounts: [],
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    ...fields,
  };
}

export function pod(spec: Partial<Pod['spec']> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1', labels: {}, annotations: {}, ...metadata },
    spec: {
      containers: [container()],
      volumes: [],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      nodeName: 'node-1',
      ...spec,
    },
  };
}

const metadata = (namespace: string, name: string): ConfigMap['metadata'] => ({
  name,
  namespace,
  uid: `${namespace}-${name}`,
  labels: {},
  annotations: {},
});

export function configMap(name: string, data: Record<string, string>, namespace = 'shop'): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata(namespace, name), data };
}

/** @param data as plain text or bytes */
export function secret(name: string, data: Record<string, string | Uint8Array>, namespace = 'shop'): Secret {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata(namespace, name),
    data: Object.fromEntries(encoded) as Record<string, string>,
  };
}

export function service(name: string, spec: Service['spec'], namespace = 'shop'): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: metadata(namespace, name), ...(spec && { spec }) };
}

export function reader(...all: readonly ObjectsByKind[ObjectKind][]): ObjectReader {
  const ofKind = <K extends ObjectKind>(kind: K): readonly ObjectsByKind[K][] =>
    all.filter((object): object is ObjectsByKind[K] => object.kind === kind);
  return {
    objects: ofKind,
    object: (kind, namespace, name) =>
      ofKind(kind).find(({ metadata: found }) => found.namespace === namespace && found.name === name),
  };
}

/** Text of any Unicode characters. */
export function anyText(): fc.Arbitrary<string> {
  const unit = fc
    .integer({ min: 0, max: 0x10ffff })
    .filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code));
  return fc.string({ unit: fc.oneof(unit, fc.string({ minLength: 1, maxLength: 1 })) });
}
