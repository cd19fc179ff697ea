import type { EventStore } from '../../events/types.ts';
import type { ContainerRuntime } from '../../runtime/types.ts';
import type { ServicesReport } from '../../services/report.ts';

/** What the local API does beside showing {@link DaemonState}: streams from containers, a watch, a look into the kernel, and one command. */
export interface NodeActions {
  readonly runtime: Pick<ContainerRuntime, 'containerLogs' | 'exec'>;
  readonly events: Pick<EventStore, 'list' | 'subscribe'>;
  /** Runs a pod that has ended once more; false when it has not ended, or is unknown. */
  rerun(uid: string): boolean;
  /** What is shown of Services, with what the kernel holds for them at this moment. */
  servicesInKernel(signal: AbortSignal): Promise<ServicesReport>;
  /** Milliseconds since the epoch. */
  now(): number;
}
