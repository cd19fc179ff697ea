import type { PodStatus } from '../objects/types.ts';
import type { ListedContainer } from './containers.ts';

/** By pod UID. */
export function groupByPod(listed: readonly ListedContainer[]): ReadonlyMap<string, readonly ListedContainer[]> {
  const groups = new Map<string, ListedContainer[]>();
  for (const container of listed) {
    const group = groups.get(container.pod.uid);
    if (group === undefined) groups.set(container.pod.uid, [container]);
    else group.push(container);
  }
  return groups;
}

/** Of a pod's containers those that run; of several with one name the newest, as of several sandboxes. */
export function newestRunning(listed: readonly ListedContainer[]): readonly ListedContainer[] {
  const newest = new Map<string, ListedContainer>();
  for (const container of listed) {
    if (container.state !== 'running') continue;
    const key = `${container.kind} ${container.kind === 'sandbox' ? '' : container.name}`;
    const other = newest.get(key);
    if (other === undefined || container.createdAt > other.createdAt) newest.set(key, container);
  }
  return [...newest.values()];
}

/** When the containers that run were started, milliseconds since the epoch by ID. */
export function startTimes(status: PodStatus | undefined): ReadonlyMap<string, number> {
  const all = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  return new Map(
    all.flatMap(({ containerID, state }) => {
      const startedAt = Date.parse(state?.running?.startedAt ?? '');
      return containerID === undefined || Number.isNaN(startedAt)
        ? []
        : [[containerID.replace(/^.*:\/\//, ''), startedAt] as const];
    }),
  );
}
