import type { Container, Pod, PodSpec, Volume, VolumeMount } from '../../../agent/objects/types.ts';

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
