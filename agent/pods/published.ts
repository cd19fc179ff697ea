import type { PodStatus } from '../objects/types.ts';
import type { PublishedContainer } from './plan-types.ts';

/** Exit code of a container that vanished while it ran: the kubelet's, for `ContainerStatusUnknown`. */
export const lostExitCode = 137;

/** What the published status of a pod knows of the past of a container; undefined when it never ran. */
export function publishedContainer(status: PodStatus | undefined, name: string): PublishedContainer | undefined {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const published = all.find((candidate) => candidate.name === name);
  const { state, lastState, restartCount } = published ?? {};
  if (restartCount === undefined) return undefined;
  if (state?.running !== undefined) return { restartCount, exitCode: lostExitCode };
  const exitCode = (state?.terminated ?? lastState?.terminated)?.exitCode;
  return exitCode === undefined ? undefined : { restartCount, exitCode };
}
