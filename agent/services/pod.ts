import { isSidecar } from '../objects/pod-resources.ts';
import type { Pod, PodStatus } from '../objects/types.ts';
import type { ServicePod } from './types.ts';

/** A pod as Services see it. */
export function servicePodOf(pod: Pod, status: PodStatus, terminating: boolean): ServicePod {
  const { metadata, spec } = pod;
  const sidecars = (spec.initContainers ?? []).filter(isSidecar);
  const first = status.podIP === undefined ? [] : [status.podIP];
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    labels: metadata.labels,
    podIps: status.podIPs === undefined ? first : status.podIPs.map(({ ip }) => ip),
    phase: status.phase ?? 'Pending',
    ready: (status.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    terminating,
    hostname: spec.hostname,
    subdomain: spec.subdomain,
    ports: [...spec.containers, ...sidecars].flatMap(({ ports }) => ports),
  };
}
