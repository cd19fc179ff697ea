import type {
  ConfigMap,
  Container,
  ObjectKind,
  ObjectReader,
  ObjectsByKind,
  Pod,
  PodSpec,
  Secret,
  Volume,
  VolumeMount,
} from '../../../agent/objects/types.ts';
import type { PodVolumesOptions } from '../../../agent/volumes/pod-volumes.ts';

export const uid = '0123456789abcdef0123456789abcdef';

export function container(overrides: Partial<Container> & { memory?: string; mounts?: VolumeMount[] } = {}): Container {
  const { memory, mounts = [], ...rest } = overrides;
  return {
    name: 'app',
    image: 'app:1',
    imagePullPolicy: 'IfNotPresent',
    resources: memory === undefined ? {} : { limits: { memory } },
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    env: [],
    ports: [],
    volumeMounts: mounts,
    ...rest,
  };
}

export function pod(volumes: Volume[], spec: Partial<PodSpec> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid, annotations: {}, labels: {} },
    spec: {
      nodeName: 'node',
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      containers: [container()],
      volumes,
      ...spec,
    },
  };
}

type AnyObject = ObjectsByKind[ObjectKind];

/** An object of the pod's namespace. */
export function object<K extends ObjectKind>(kind: K, name: string, rest: object): ObjectsByKind[K] {
  const namespace = kind === 'PersistentVolume' ? '' : 'default';
  const metadata = { name, namespace, uid: `${kind}-${name}`, labels: {}, annotations: {} };
  return { apiVersion: 'v1', kind, metadata, ...rest } as unknown as ObjectsByKind[K];
}

export const configMap = (name: string, data: Record<string, string>, rest: object = {}): ConfigMap =>
  object('ConfigMap', name, { data, ...rest });

export const secret = (name: string, texts: Record<string, string>): Secret =>
  object('Secret', name, {
    data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
  });

/** Reads from a list that a test may change. */
export function reader(list: readonly AnyObject[]): ObjectReader {
  const ofKind = <K extends ObjectKind>(kind: K) =>
    list.filter((item): item is AnyObject & ObjectsByKind[K] => item.kind === kind);
  return {
    object: (kind, namespace, name) =>
      ofKind(kind).find(
        ({ metadata }) => metadata.name === name && (kind === 'PersistentVolume' || metadata.namespace === namespace),
      ),
    objects: ofKind,
  };
}

/** 2026-01-31 12:00:00 UTC */
export const noon = Date.UTC(2026, 0, 31, 12);

/** What volumes are prepared with: a node of 64 MiB, and the objects of a list. */
export function volumeDeps(objects: readonly AnyObject[] = []): Omit<PodVolumesOptions, 'exec' | 'rootDir'> {
  const allocatable = { cpuMillis: 2000, memoryBytes: 64 * 2 ** 20, ephemeralStorageBytes: 2 ** 30 };
  return {
    nodeMemoryBytes: 64 * 2 ** 20,
    objects: reader(objects),
    allocatable: () => allocatable,
    now: () => noon,
  };
}
