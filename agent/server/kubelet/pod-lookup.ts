import type { ContainerStatus, Pod } from '../../objects/types.ts';
import { idOf } from '../local/log-plan.ts';
import { type Exchange, TextError } from './exchange.ts';

/** @throws TextError 404 in the kubelet's words */
export function podOf(pods: readonly Pod[], { parameters }: Pick<Exchange, 'parameters'>): Pod {
  const { namespace, pod: name, uid } = parameters;
  const pod = pods.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  if (pod === undefined) throw new TextError(404, 'pod does not exist');
  if (uid !== undefined && pod.metadata.uid !== uid) throw new TextError(404, 'pod not found');
  return pod;
}

export function hasContainer({ spec }: Pod, name: string): boolean {
  const { containers, initContainers = [], ephemeralContainers = [] } = spec;
  return [...containers, ...initContainers, ...ephemeralContainers].some((container) => container.name === name);
}

/**
 * The ID of a container that runs.
 *
 * @throws TextError 500, as the kubelet answers for one that does not
 */
export function runningContainer({ status }: Pod, name: string): string {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  const all: readonly ContainerStatus[] = [
    ...containerStatuses,
    ...initContainerStatuses,
    ...ephemeralContainerStatuses,
  ];
  const found = all.find((one) => one.name === name && one.state?.running !== undefined);
  const id = idOf(found?.containerID);
  if (id === undefined) throw new TextError(500, `container not found ("${name}")`);
  return id;
}
