import type { Pod } from './types.ts';

/** The list of a pod's spec that a container is in. */
export type ContainerList = 'containers' | 'initContainers' | 'ephemeralContainers';

/** The list that a container is in; its name is unique in its pod. One that is not known counts as an app container. */
export function containerList({ spec }: Pick<Pod, 'spec'>, name: string): ContainerList {
  const isNamed = (container: { readonly name: string }): boolean => container.name === name;
  if (spec.initContainers?.some(isNamed) === true) return 'initContainers';
  return spec.ephemeralContainers?.some(isNamed) === true ? 'ephemeralContainers' : 'containers';
}

/** A container as the `fieldPath` of an event names it (`pkg/kubelet/container/ref.go`), e.g. `spec.initContainers{db}`. */
export function containerPath(pod: Pick<Pod, 'spec'>, name: string): string {
  return `spec.${containerList(pod, name)}{${name}}`;
}
