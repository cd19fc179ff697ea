import type { QosClass } from '../cgroups/names.ts';
import type { Container, Pod } from '../objects/types.ts';
import { milliValue, parseQuantity, unitValue } from '../objects/quantity.ts';
import type { LinuxResources } from '../runtime/types.ts';

const minShares = 2;
const maxShares = 262_144;
const quotaPeriodMicros = 100_000;
const minQuotaMicros = 1_000;

/** Requests and limits as the kernel takes them (kubelet: `pkg/kubelet/cm/helpers_linux.go`). */
export function linuxResources(container: Container): LinuxResources {
  const { requests, limits } = container.resources;
  const cpuRequest = milliCpu(requests?.['cpu'] ?? limits?.['cpu']);
  const cpuLimit = milliCpu(limits?.['cpu']);
  return {
    cpuShares: Math.min(maxShares, Math.max(minShares, Math.floor((cpuRequest * 1024) / 1000))),
    cpuPeriod: cpuLimit === 0 ? 0 : quotaPeriodMicros,
    cpuQuota: cpuLimit === 0 ? 0 : Math.max(minQuotaMicros, Math.floor((cpuLimit * quotaPeriodMicros) / 1000)),
    memoryLimit: bytes(limits?.['memory']),
  };
}

/**
 * How ready the kernel is to kill a container when memory runs out (kubelet: `GetContainerOOMScoreAdjust`): guaranteed
 * pods and node-critical ones last, best-effort ones first, burstable ones by the share of memory that they asked for.
 *
 * @param memoryCapacity of the node, bytes
 */
export function oomScoreAdj(pod: Pod, container: Container, qos: QosClass, memoryCapacity: number): number {
  if (pod.spec.priorityClassName === 'system-node-critical' || qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const request = bytes(container.resources.requests?.['memory']);
  const score = 1000 - Math.floor((1000 * request) / memoryCapacity);
  return Math.min(999, Math.max(3, score));
}

function milliCpu(quantity: string | number | undefined): number {
  return milliValue(parseQuantity(quantity ?? 0) ?? 0n);
}

function bytes(quantity: string | number | undefined): number {
  return unitValue(parseQuantity(quantity ?? 0) ?? 0n);
}
