import type { Container, Pod } from './types.ts';
import { podLevelLimits, podLevelRequests, podLimits, podRequests } from './pod-resources.ts';
import { amountOf, cpuMillis, readResourceList, type ResourceList } from './resource-list.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** Requests and limits of a container or of a pod's containers together. */
export interface Resources {
  /** Thousandths of a CPU; 0 when nothing is requested. */
  readonly cpuRequestMilli: number;
  /** Thousandths of a CPU; undefined is unlimited. */
  readonly cpuLimitMilli: number | undefined;
  /** Bytes; 0 when nothing is requested. */
  readonly memoryRequest: number;
  /** Bytes; undefined is unlimited. */
  readonly memoryLimit: number | undefined;
}

/** CPU and memory of one container. A limit of 0 is no limit, as in the kubelet's cgroup settings. */
export function containerResources(container: Pick<Container, 'resources'>): Resources {
  const { requests, limits } = container.resources;
  return resourcesOf(readResourceList(requests), readResourceList(limits));
}

/**
 * CPU and memory of the whole pod. It is limited only when the pod level limits it or each of its containers does, also
 * those that run before the others (kubelet `ResourceConfigForPod`, pkg/kubelet/cm/helpers_linux.go).
 */
export function podResources(pod: Pod): Resources {
  const total = resourcesOf(podRequests(pod), podLimits(pod));
  const all = allContainers(pod).map(containerResources);
  const podLevel = resourcesOf(new Map(), podLevelLimits(pod));
  const limited = (field: 'cpuLimitMilli' | 'memoryLimit'): boolean =>
    podLevel[field] !== undefined || all.every((one) => one[field] !== undefined);
  return {
    ...total,
    cpuLimitMilli: limited('cpuLimitMilli') ? total.cpuLimitMilli : undefined,
    memoryLimit: limited('memoryLimit') ? total.memoryLimit : undefined,
  };
}

/**
 * The pod's quality of service class (`ComputePodQOS`, pkg/apis/core/v1/helper/qos): Guaranteed when every container limits
 * CPU and memory and requests just as much, BestEffort when none asks for anything. Resources of the pod level decide
 * alone where a pod has them.
 */
export function qosClass(pod: Pod): QosClass {
  const asked = askedFor(pod);
  if (asked.every(asksNothing)) return 'BestEffort';
  return asked.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function askedFor(pod: Pod): readonly Resources[] {
  const { resources } = pod.spec;
  const hasPodLevel = resources?.requests !== undefined || resources?.limits !== undefined;
  if (hasPodLevel) return [resourcesOf(podLevelRequests(pod), podLevelLimits(pod))];
  return allContainers(pod).map(containerResources);
}

function allContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

function asksNothing(resources: Resources): boolean {
  const { cpuRequestMilli, cpuLimitMilli, memoryRequest, memoryLimit } = resources;
  return cpuRequestMilli === 0 && cpuLimitMilli === undefined && memoryRequest === 0 && memoryLimit === undefined;
}

function isGuaranteed(resources: Resources): boolean {
  const { cpuRequestMilli, cpuLimitMilli, memoryRequest, memoryLimit } = resources;
  return cpuLimitMilli === cpuRequestMilli && memoryLimit === memoryRequest;
}

function resourcesOf(requests: ResourceList, limits: ResourceList): Resources {
  return {
    cpuRequestMilli: cpuMillis(requests),
    cpuLimitMilli: cpuMillis(limits) || undefined,
    memoryRequest: amountOf(requests, 'memory'),
    memoryLimit: amountOf(limits, 'memory') || undefined,
  };
}
