import type { Pod } from '../objects/types.ts';
import { podRequests } from '../objects/pod-resources.ts';
import { podResources, qosClass, type Resources } from '../objects/qos.ts';
import { parseQuantity, unitValue } from '../objects/quantity.ts';
import { amountOf, cpuMillis } from '../objects/resource-list.ts';
import { type CpuQuotaSettings, milliCpuToQuota, milliCpuToShares, minShares } from './cpu.ts';

/** What one cgroup is to enforce. A field that is undefined is left as the kernel has it. */
export interface CgroupResources {
  readonly cpuShares?: number;
  /** 0 or less is unlimited. */
  readonly cpuQuota?: { readonly quotaMicros: number; readonly periodMicros: number };
  /** Bytes; -1 is unlimited. */
  readonly memoryLimit?: number;
  /** Processes and threads. */
  readonly pidsLimit?: number;
  /** Bytes a page size in bytes. */
  readonly hugepages?: ReadonlyMap<number, number>;
}

export interface PodCgroupOptions {
  readonly cpuQuota: CpuQuotaSettings;
  /** The kubelet's `podPidsLimit`; undefined for none. */
  readonly podPidsLimit: number | undefined;
  /** Sizes of huge pages that the kernel has, bytes: a pod may use none of those that it does not request. */
  readonly hugepageSizes: readonly number[];
}

/** Groups above those of pods. */
export interface QosCgroups {
  readonly kubepods: CgroupResources;
  readonly burstable: CgroupResources;
  readonly bestEffort: CgroupResources;
}

/**
 * Resources of a pod's own cgroup (`ResourceConfigForPod`, pkg/kubelet/cm/helpers_linux.go): shares by what the pod
 * requests as a whole; a CPU quota and a memory limit only when all of the pod is limited.
 */
export function podCgroupResources(pod: Pod, options: PodCgroupOptions): CgroupResources {
  const resources = podResources(pod);
  const isBestEffort = qosClass(pod) === 'BestEffort';
  const hugepages = podHugepages(pod, options.hugepageSizes);
  return {
    cpuShares: isBestEffort ? minShares : milliCpuToShares(resources.cpuRequestMilli),
    ...quotaOf(resources, options.cpuQuota),
    ...(resources.memoryLimit === undefined ? {} : { memoryLimit: resources.memoryLimit }),
    ...(options.podPidsLimit === undefined ? {} : { pidsLimit: options.podPidsLimit }),
    ...(hugepages.size === 0 ? {} : { hugepages }),
  };
}

function quotaOf({ cpuLimitMilli }: Resources, settings: CpuQuotaSettings): Pick<CgroupResources, 'cpuQuota'> {
  if (cpuLimitMilli === undefined) return {};
  const { enforce, periodMicros } = settings;
  return { cpuQuota: { quotaMicros: enforce ? milliCpuToQuota(cpuLimitMilli, periodMicros) : -1, periodMicros } };
}

function podHugepages(pod: Pod, sizes: readonly number[]): ReadonlyMap<number, number> {
  const requests = podRequests(pod);
  const limits = new Map(sizes.map((size) => [size, 0]));
  for (const name of requests.keys()) {
    const size = hugepageSize(name);
    if (size !== undefined && limits.has(size)) limits.set(size, amountOf(requests, name));
  }
  return limits;
}

/** Bytes of a page of the resource `hugepages-<size>`; undefined for other resources. */
export function hugepageSize(resource: string): number | undefined {
  const [, text] = /^hugepages-(.+)$/.exec(resource) ?? [];
  const size = text === undefined ? undefined : parseQuantity(text);
  return size === undefined ? undefined : unitValue(size);
}

/**
 * Resources of the groups of the classes (`setCPUCgroupConfig`, pkg/kubelet/cm/qos_container_manager_linux.go): burstable
 * pods together weigh what they request, best-effort ones the least that there is.
 *
 * @param kubepods see {@link kubepodsResources}
 */
export function qosCgroupResources(pods: readonly Pod[], kubepods: CgroupResources): QosCgroups {
  const burstable = pods.filter((pod) => qosClass(pod) === 'Burstable').map(podRequests);
  const milliCpu = burstable.reduce((sum, requests) => sum + cpuMillis(requests), 0);
  return {
    kubepods,
    burstable: { cpuShares: milliCpuToShares(milliCpu) },
    bestEffort: { cpuShares: minShares },
  };
}

/**
 * Resources of the group of all pods (`getCgroupConfig`, pkg/kubelet/cm/node_container_manager_linux.go): what the node
 * has, or with `pods` in `enforceNodeAllocatable` what it has without what is reserved for the system. No CPU quota:
 * pods may use what the system leaves idle.
 */
export function kubepodsResources(node: {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly pids?: number;
}): CgroupResources {
  return {
    cpuShares: milliCpuToShares(node.cpuMillis),
    memoryLimit: node.memoryBytes,
    ...(node.pids === undefined ? {} : { pidsLimit: node.pids }),
  };
}
