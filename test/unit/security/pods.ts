import type { Container, Pod } from '../../../agent/objects/types.ts';

type PodContext = NonNullable<Pod['spec']['securityContext']>;
type ContainerContext = NonNullable<Container['securityContext']>;

/** A pod of one container, with the given security contexts. */
export function podOf(
  securityContext: PodContext = {},
  containerContext: ContainerContext = {},
  spec: Partial<Pod['spec']> = {},
  annotations: Record<string, string> = {},
): { pod: Pod; container: Container } {
  const container: Container = {
    name: 'app',
    image: 'busybox',
    imagePullPolicy: 'IfNotPresent',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    env: [],
    ports: [],
    volumeMounts: [],
    securityContext: containerContext,
  };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'u1', annotations, labels: {} },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      nodeName: 'n',
      volumes: [],
      containers: [container],
      securityContext,
      ...spec,
    },
  };
  return { pod, container };
}
