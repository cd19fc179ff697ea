import type { ObjectReference } from '../events/types.ts';
import { containerPath } from '../objects/container-path.ts';
import type { Container, Pod } from '../objects/types.ts';
import { containerHash } from './annotations.ts';

export function podReference(pod: Pod): ObjectReference {
  const { namespace, name, uid } = pod.metadata;
  return { kind: 'Pod', namespace, name, uid };
}

export function containerReference(pod: Pod, container: Pick<Container, 'name'>): ObjectReference {
  return { ...podReference(pod), fieldPath: containerPath(pod, container.name) };
}

/** `name_namespace(uid)`, as the kubelet writes a pod in messages. */
export function formatPod(pod: Pod): string {
  const { namespace, name, uid } = pod.metadata;
  return `${name}_${namespace}(${uid})`;
}

/** Key of a container's crash back-off: an edited container starts without the back-off of its former self. */
export function backoffKey(pod: Pod, container: Container): string {
  return `${pod.metadata.uid}/${container.name}/${containerHash(container)}`;
}
