import { createHash } from 'node:crypto';
import { FIXED_HASH } from '../objects/static-pod.ts';
import type { Container } from '../objects/types.ts';

/** Annotations that the kubelet keeps on sandboxes and containers, and that a restarted daemon reads back. */
export const annotation = {
  containerHash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  /** JSON of the container's preStop hook and ports, for a daemon that does not have the manifest any more. */
  preStopHandler: 'io.kubernetes.container.preStopHandler',
  ports: 'io.kubernetes.container.ports',
  /** Position of a sidecar among the pod's init containers: sidecars end in reverse order. */
  sidecarIndex: 'podwright.dev/sidecar-index',
  terminationGracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
  qosClass: 'podwright.dev/qos-class',
  /** JSON of the limits that a container was created with, see `LinuxResources`. */
  resources: 'podwright.dev/resources',
  /** Hash of what cannot change under a running pod: all but images and resources. */
  fixedHash: FIXED_HASH,
  configHash: 'kubernetes.io/config.hash',
  configSource: 'kubernetes.io/config.source',
  configSeen: 'kubernetes.io/config.seen',
} as const;

/**
 * Tells whether a running container is still the one that the pod wants. Only name and image take part, as in the
 * kubelet since 1.31 (`pickFieldsToHash`): a field more, and an upgrade of the daemon would restart every container.
 */
export function containerHash(container: Pick<Container, 'name' | 'image'>): string {
  const fields = JSON.stringify([container.name, container.image]);
  return createHash('sha256').update(fields).digest('hex').slice(0, 16);
}
