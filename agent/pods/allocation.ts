import { isDeepStrictEqual } from 'node:util';
import type { ResizeRefusal } from '../admission/resize.ts';
import type { Container, Pod, PodSpec } from '../objects/types.ts';

/*
 * What a node has granted a pod is apart from what the pod's spec asks for, once the spec can change while the pod runs (KEP-1287,
 * pkg/kubelet/allocation). Until a resize is granted, all that the node does for the pod goes by what it was granted before.
 */

/** Resources that the node has granted a pod. */
export interface Allocation {
  /** Of the pod level (KEP-2837). */
  readonly pod?: PodSpec['resources'];
  /** By the name of the container. */
  readonly containers: Readonly<Record<string, Container['resources']>>;
}

/** What becomes of the resources that a pod asks for now. */
export type ResizeStep =
  | { readonly kind: 'unchanged' | 'granted'; readonly allocation: Allocation }
  | { readonly kind: 'pending'; readonly refusal: ResizeRefusal };

/**
 * Decides on the resources of a pod that the node has taken (`handlePodResourcesResize`).
 *
 * @param granted undefined when nobody knows: what the spec asks for is as good as granted
 * @param refuse why the node cannot have the pod with what its spec asks for
 */
export function resizeStep(
  desired: Pod,
  granted: Allocation | undefined,
  refuse: (pod: Pod) => ResizeRefusal | undefined,
): ResizeStep {
  const allocation = allocationOf(desired);
  if (granted === undefined) return { kind: 'unchanged', allocation };
  if (isDeepStrictEqual(allocation, granted)) return { kind: 'unchanged', allocation: granted };
  const refusal = refuse(desired);
  return refusal === undefined ? { kind: 'granted', allocation } : { kind: 'pending', refusal };
}

export function allocationOf({ spec }: Pod): Allocation {
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  const containers = Object.fromEntries(all.map(({ name, resources }) => [name, resources]));
  return { ...(spec.resources === undefined ? {} : { pod: spec.resources }), containers };
}

/**
 * The pod with the resources that it was granted (`UpdatePodFromAllocation`); the same object when these are what it asks for. A
 * container that the allocation does not know keeps its own.
 */
export function withAllocation(pod: Pod, granted: Allocation | undefined): Pod {
  if (granted === undefined || isDeepStrictEqual(allocationOf(pod), granted)) return pod;
  const { containers, initContainers } = pod.spec;
  const grantedTo = (container: Container): Container => ({
    ...container,
    resources: granted.containers[container.name] ?? container.resources,
  });
  const spec: PodSpec = {
    ...pod.spec,
    containers: containers.map(grantedTo),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(grantedTo) }),
  };
  if (granted.pod === undefined) delete spec.resources;
  else spec.resources = granted.pod;
  return { ...pod, spec };
}
