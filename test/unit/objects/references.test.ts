import { describe, expect, test } from 'vitest';
import { dependsOn, objectReferences } from '../../../agent/objects/index.ts';
import type { Container, EphemeralContainer, Pod, PodSpec } from '../../../agent/objects/types.ts';

function container(name: string, parts: Partial<Container> = {}): Container {
  return {
    name,
    image: 'i',
    imagePullPolicy: 'IfNotPresent',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    env: [],
    ports: [],
    volumeMounts: [],
    ...parts,
  };
}

function pod(parts: Partial<PodSpec>): Pod {
  const spec: PodSpec = {
    containers: [container('a')],
    volumes: [],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    nodeName: 'n',
    ...parts,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'ns', uid: 'u', labels: {}, annotations: {} },
    spec,
  };
}

const fromMap = (name: string): Partial<Container> => ({
  env: [{ name: 'A', valueFrom: { configMapKeyRef: { name, key: 'k' } } }],
});
const debug: EphemeralContainer = container('debug', { envFrom: [{ secretRef: { name: 's' } }] });

describe('the objects that a pod names', () => {
  test.each<[string, Partial<PodSpec>, readonly string[]]>([
    ['none', { volumes: [{ name: 'v', emptyDir: {} }] }, []],
    ['env of an app container', { containers: [container('a', fromMap('c'))] }, ['ConfigMap/ns/c']],
    ['env of an init container', { initContainers: [container('a', fromMap('c'))] }, ['ConfigMap/ns/c']],
    ['envFrom of an ephemeral container', { ephemeralContainers: [debug] }, ['Secret/ns/s']],
    [
      'env that is no reference to an object',
      {
        containers: [
          container('a', {
            env: [
              { name: 'A', value: 'x' },
              { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'C', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } },
            ],
            envFrom: [{ configMapRef: { name: 'e', optional: true } }],
          }),
        ],
      },
      ['ConfigMap/ns/e', 'Secret/ns/s'],
    ],
    [
      'volumes, each once',
      {
        volumes: [
          { name: 'a', configMap: { name: 'c' } },
          { name: 'b', secret: { secretName: 's' } },
          { name: 'c', secret: { secretName: 's' } },
          { name: 'd', persistentVolumeClaim: { claimName: 'p' } },
          { name: 'eph', ephemeral: { volumeClaimTemplate: { spec: {} } } },
          { name: 'e', projected: { sources: [{ configMap: { name: 'pc' } }, { secret: { name: 'ps' } }, {}] } },
        ],
      },
      [
        'ConfigMap/ns/c',
        'ConfigMap/ns/pc',
        'PersistentVolumeClaim/ns/p',
        'PersistentVolumeClaim/ns/p-eph',
        'Secret/ns/ps',
        'Secret/ns/s',
      ],
    ],
    ['pull secrets', { imagePullSecrets: [{ name: 's' }, { name: '' }, {}] }, ['Secret/ns/s']],
  ])('%s', (_what, spec, expected) => expect([...objectReferences(pod(spec))].sort()).toEqual(expected));
});

describe('what a pod has to do with', () => {
  const claim = { volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'p' } }] };
  const ephemeral = { volumes: [{ name: 'd', ephemeral: { volumeClaimTemplate: { spec: {} } } }] };
  const map = { volumes: [{ name: 'c', configMap: { name: 'c' } }] };
  test.each<[string, Partial<PodSpec>, string, boolean]>([
    ['what it names', map, 'ConfigMap/ns/c', true],
    ['nothing of another namespace', map, 'ConfigMap/other/c', false],
    ['no volume without a claim', map, 'PersistentVolume//v', false],
    ['its claim', claim, 'PersistentVolumeClaim/ns/p', true],
    ['any volume with a claim', claim, 'PersistentVolume//v', true],
    ['the claim that was made for it', ephemeral, 'PersistentVolumeClaim/ns/p-d', true],
    ['any volume with such a claim', ephemeral, 'PersistentVolume//v', true],
    ['no other claim', claim, 'PersistentVolumeClaim/ns/other', false],
  ])('%s', (_what, spec, key, expected) => expect(dependsOn(pod(spec), new Set(['Secret/ns/x', key]))).toBe(expected));
});
