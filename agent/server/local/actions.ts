import type { EventStore } from '../../events/types.ts';
import type { ContainerRuntime } from '../../runtime/types.ts';

/** What the local API does beside showing {@link DaemonState}: streams from containers, a watch, and one command. */
export interface NodeActions {
  readonly runtime: Pick<ContainerRuntime, 'containerLogs' | 'exec'>;
  readonly events: Pick<EventStore, 'list' | 'subscribe'>;
  /** Runs a pod that has ended once more; false when it has not ended, or is unknown. */
  rerun(uid: string): boolean;
  /** Milliseconds since the epoch. */
  now(): number;
}
