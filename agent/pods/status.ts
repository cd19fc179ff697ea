import type { Pod, PodStatus } from '../objects/types.ts';
import type { RuntimePod } from '../runtime/types.ts';
import { annotation } from './annotations.ts';
import { podConditions } from './conditions.ts';
import { containerStatus, timestamp, type WaitingReason } from './container-status.ts';
import { podPhase } from './phase.ts';

export interface StatusInput {
  readonly pod: Pod;
  readonly observed: RuntimePod;
  /** By container name. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** Status published before, whose times and counts go on. */
  readonly previous: PodStatus | undefined;
  /** Addresses of the node, primary first. */
  readonly hostIps: readonly string[];
  readonly qosClass: NonNullable<PodStatus['qosClass']>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole `status` of a pod. The only place that makes one; reads nothing, touches nothing. */
export function computePodStatus(input: StatusInput): PodStatus {
  const { pod, observed, previous, now } = input;
  const sandbox = observed.sandboxes[0];
  const sandboxReady = sandbox?.state === 'ready' && (sandbox.hostNetwork || sandbox.ips.length > 0);
  const containerStatuses = pod.spec.containers
    .map((container) => {
      const before = previous?.containerStatuses?.find(({ name }) => name === container.name);
      return containerStatus(pod, container, observed, input.waiting.get(container.name), before);
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const phase = podPhase(pod, containerStatuses);
  return {
    phase,
    conditions: podConditions(phase, containerStatuses, sandboxReady, previous, now),
    ...addresses(input, sandboxReady),
    startTime: previous?.startTime ?? timestamp(startTime(input)),
    containerStatuses,
    qosClass: input.qosClass,
  };
}

/** A pod on the host network has the node's addresses. Those of a pod that has ended stay on show. */
function addresses({ pod, observed, previous, hostIps }: StatusInput, sandboxReady: boolean): PodStatus {
  const sandbox = observed.sandboxes[0];
  const ips = sandbox !== undefined && sandboxReady ? (sandbox.hostNetwork ? hostIps : sandbox.ips) : undefined;
  const podIps = ips?.map((ip) => ({ ip })) ?? (pod.spec.hostNetwork === true ? undefined : previous?.podIPs);
  return {
    ...(hostIps[0] === undefined ? {} : { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(podIps?.[0] === undefined ? {} : { podIP: podIps[0].ip, podIPs: podIps }),
  };
}

/** When this node first saw the pod. After a restart of the daemon it is on the oldest sandbox. */
function startTime({ pod, observed, now }: StatusInput): number {
  const carriers = [...observed.sandboxes.map(({ annotations }) => annotations), pod.metadata.annotations];
  const seen = carriers.map((annotations) => Date.parse(annotations[annotation.configSeen] ?? ''));
  return Math.min(now, ...seen.filter((time) => !Number.isNaN(time)));
}
