import { type CpuQuotaSettings, defaultCpuQuota, milliCpuToQuota, milliCpuToShares } from '../cgroups/cpu.ts';
import type { QosClass } from '../cgroups/names.ts';
import { containerRequests, isSidecar, podLevelLimits, podLevelRequests } from '../objects/pod-resources.ts';
import { milliValue, unitValue } from '../objects/quantity.ts';
import { amountOf, readResourceList } from '../objects/resource-list.ts';
import type { Container, Pod } from '../objects/types.ts';
import type { LinuxResources } from '../runtime/types.ts';

/** The score of a guaranteed pod (`pkg/kubelet/qos/policy.go`). */
const guaranteedScore = -997;
const bestEffortScore = 1000;

export interface LinuxResourcesOptions {
  /** The container's pod: a container that has no limit of its own shows that of the pod level. */
  readonly pod?: Pod;
  readonly cpuQuota?: CpuQuotaSettings;
}

/**
 * Requests and limits as the kernel takes them (`generateLinuxContainerResources` and `calculateLinuxResources`,
 * pkg/kubelet/kuberuntime/kuberuntime_container_linux.go). Huge pages are limited by the pod's cgroup alone: Docker has
 * no setting for those of a container.
 */
export function linuxResources(container: Container, options: LinuxResourcesOptions = {}): LinuxResources {
  const { pod, cpuQuota = defaultCpuQuota } = options;
  const requests = readResourceList(container.resources.requests);
  const limits = readResourceList(container.resources.limits);
  const podLimits = pod === undefined ? new Map<string, bigint>() : podLevelLimits(pod);
  const cpuLimit = milliValue(limits.get('cpu') || (podLimits.get('cpu') ?? 0n));
  const cpuRequest = requests.get('cpu');
  const isLimited = cpuLimit > 0 && cpuQuota.enforce;
  return {
    cpuShares: milliCpuToShares(cpuRequest === undefined ? cpuLimit : milliValue(cpuRequest)),
    cpuPeriod: isLimited ? cpuQuota.periodMicros : 0,
    cpuQuota: isLimited ? milliCpuToQuota(cpuLimit, cpuQuota.periodMicros) : 0,
    memoryLimit: unitValue(limits.get('memory') || (podLimits.get('memory') ?? 0n)),
  };
}

/**
 * How ready the kernel is to kill a container when memory runs out (`GetContainerOOMScoreAdjust`,
 * pkg/kubelet/qos/policy.go): guaranteed pods and node-critical ones last, best-effort ones first, burstable ones by the
 * share of memory that they asked for, to which each container adds its part of what only the pod level asks for
 * (KEP-2837). A sidecar is as safe as the app container that is the least so (KEP-753).
 *
 * @param memoryCapacity of the node, bytes
 */
export function oomScoreAdj(pod: Pod, container: Container, qos: QosClass, memoryCapacity: number): number {
  if (pod.spec.priorityClassName === 'system-node-critical' || qos === 'Guaranteed') return guaranteedScore;
  if (qos === 'BestEffort') return bestEffortScore;
  const shared = sharedMemory(pod);
  const scoreOf = (request: number): number =>
    bestEffortScore - Math.floor((1000 * (request + shared)) / memoryCapacity);
  const own = scoreOf(memoryRequest(container));
  const score = isSidecar(container) ? Math.min(own, scoreOf(leastMemory(pod))) : own;
  return Math.min(bestEffortScore - 1, Math.max(1000 + guaranteedScore, score));
}

/** Memory that the pod asks for beyond its containers, a container (`remainingPodMemReqPerContainer`). */
function sharedMemory(pod: Pod): number {
  const request = amountOf(podLevelRequests(pod), 'memory');
  if (request === 0) return 0;
  const containers = pod.spec.containers.length + (pod.spec.initContainers ?? []).length;
  return Math.floor((request - amountOf(containerRequests(pod), 'memory')) / containers);
}

function leastMemory(pod: Pod): number {
  return Math.min(...pod.spec.containers.map(memoryRequest));
}

function memoryRequest(container: Container): number {
  return amountOf(readResourceList(container.resources.requests), 'memory');
}
