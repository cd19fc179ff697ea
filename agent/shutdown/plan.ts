import { isStaticPod } from '../admission/critical.ts';
import type { Pod, PodStatus } from '../objects/types.ts';
import type { PodFailure } from '../pods/status.ts';

/** Pods from a priority on, and what they have to end when the node shuts down. */
export interface ShutdownPeriod {
  readonly priority: number;
  readonly seconds: number;
}

/** Fields of KubeletConfiguration, in milliseconds and seconds. */
export interface ShutdownFields {
  readonly shutdownGracePeriod?: number | null | undefined;
  readonly shutdownGracePeriodCriticalPods?: number | null | undefined;
  readonly shutdownGracePeriodByPodPriority?:
    readonly { readonly priority: number; readonly shutdownGracePeriodSeconds: number }[] | null | undefined;
}

const systemCriticalPriority = 2_000_000_000;

/**
 * Periods by rising priority; none when the node is not to wait for its pods. The two plain periods are short for two priorities
 * (`migrateConfig`, pkg/kubelet/nodeshutdown/nodeshutdown_manager.go).
 */
export function shutdownPeriods(fields: ShutdownFields): readonly ShutdownPeriod[] {
  const byPriority = fields.shutdownGracePeriodByPodPriority ?? [];
  if (byPriority.length > 0) {
    const periods = byPriority.map(({ priority, shutdownGracePeriodSeconds: seconds }) => ({ priority, seconds }));
    return periods.toSorted((a, b) => a.priority - b.priority);
  }
  const [all, critical] = [fields.shutdownGracePeriod ?? 0, fields.shutdownGracePeriodCriticalPods ?? 0];
  if (all === 0 || critical > all) return [];
  return [
    { priority: 0, seconds: Math.trunc((all - critical) / 1_000) },
    { priority: systemCriticalPriority, seconds: Math.trunc(critical / 1_000) },
  ];
}

/** Fields that contradict each other (`ValidateKubeletConfiguration`, pkg/kubelet/apis/config/validation). */
export function shutdownProblems(
  fields: ShutdownFields,
): readonly { readonly field: keyof ShutdownFields; readonly message: string }[] {
  const [all, critical] = [fields.shutdownGracePeriod ?? 0, fields.shutdownGracePeriodCriticalPods ?? 0];
  const isTooShort = (ms: number): boolean => ms > 0 && ms < 1_000;
  const found: { field: keyof ShutdownFields; message: string }[] = [];
  if (critical > all) {
    found.push({ field: 'shutdownGracePeriodCriticalPods', message: 'must not be longer than shutdownGracePeriod' });
  }
  if (isTooShort(all)) found.push({ field: 'shutdownGracePeriod', message: 'must be 0 or at least 1s' });
  if (isTooShort(critical)) {
    found.push({ field: 'shutdownGracePeriodCriticalPods', message: 'must be 0 or at least 1s' });
  }
  if ((fields.shutdownGracePeriodByPodPriority ?? []).length > 0 && (all > 0 || critical > 0)) {
    const message = 'excludes shutdownGracePeriod and shutdownGracePeriodCriticalPods';
    found.push({ field: 'shutdownGracePeriodByPodPriority', message });
  }
  return found;
}

/** Pods that end at one time. */
export interface ShutdownGroup<P> extends ShutdownPeriod {
  readonly pods: readonly P[];
}

/**
 * Groups in the order in which they end; those without pods are left out. A pod is of the highest period that is not above its
 * priority, and of the lowest when all are (`groupByPriority`).
 */
export function shutdownGroups<P extends { readonly spec: { readonly priority?: number } }>(
  periods: readonly ShutdownPeriod[],
  pods: readonly P[],
): readonly ShutdownGroup<P>[] {
  const indexOf = ({ spec: { priority = 0 } }: P): number =>
    Math.max(
      0,
      periods.findLastIndex((period) => period.priority <= priority),
    );
  const groups = periods.map((period, index) => ({ ...period, pods: pods.filter((pod) => indexOf(pod) === index) }));
  return groups.filter((group) => group.pods.length > 0);
}

const shutdownMessage = 'Pod was terminated in response to imminent node shutdown.';

/** The kubelet's words for what becomes of pods. */
export const shutdownFailure: PodFailure = {
  reason: 'Terminated',
  message: shutdownMessage,
  disruption: shutdownMessage,
};
export const shutdownRefusal: PodFailure = {
  reason: 'NodeShutdown',
  message: 'Pod was rejected as the node is shutting down.',
};

/**
 * Whether a pod is over only because the node shut down, and is to run again when the node is back: a static one, which nobody
 * else makes again. Pods of an API server stay failed, as with the kubelet; their controllers have made others.
 */
export function returnsAfterShutdown(pod: Pod, status: PodStatus | undefined): boolean {
  if (status?.phase !== 'Failed' || !isStaticPod(pod)) return false;
  const isEnded = status.reason === shutdownFailure.reason && status.message === shutdownFailure.message;
  return isEnded || status.reason === shutdownRefusal.reason;
}
