import type { Container, Pod } from './types.ts';
import { milliValue, parseQuantity, unitValue } from './quantity.ts';

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

type Quantities = Readonly<Record<string, number | string>> | undefined;

/** CPU and memory of one container. A limit of 0 is no limit, as in the kubelet's cgroup settings. */
export function containerResources(container: Pick<Container, 'resources'>): Resources {
  const { requests, limits } = container.resources;
  return {
    cpuRequestMilli: cpuMilli(requests) ?? 0,
    cpuLimitMilli: cpuMilli(limits) || undefined,
    memoryRequest: memoryBytes(requests) ?? 0,
    memoryLimit: memoryBytes(limits) || undefined,
  };
}

/**
 * The sums over a pod's containers. A pod is limited only when all its containers are (kubelet `ResourceConfigForPod`,
 * pkg/kubelet/cm/helpers_linux.go).
 */
export function podResources(pod: Pod): Resources {
  const all = pod.spec.containers.map(containerResources);
  return {
    cpuRequestMilli: sum(all.map((one) => one.cpuRequestMilli)),
    cpuLimitMilli: sumIfAll(all.map((one) => one.cpuLimitMilli)),
    memoryRequest: sum(all.map((one) => one.memoryRequest)),
    memoryLimit: sumIfAll(all.map((one) => one.memoryLimit)),
  };
}

/**
 * The pod's quality of service class (`pkg/apis/core/v1/helper/qos`): Guaranteed when every container limits CPU and memory and
 * requests just as much, BestEffort when none asks for anything.
 */
export function qosClass(pod: Pod): QosClass {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(containerResources);
  if (containers.every(asksNothing)) return 'BestEffort';
  return containers.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function asksNothing(resources: Resources): boolean {
  const { cpuRequestMilli, cpuLimitMilli, memoryRequest, memoryLimit } = resources;
  return cpuRequestMilli === 0 && cpuLimitMilli === undefined && memoryRequest === 0 && memoryLimit === undefined;
}

function isGuaranteed(resources: Resources): boolean {
  const { cpuRequestMilli, cpuLimitMilli, memoryRequest, memoryLimit } = resources;
  return cpuLimitMilli === cpuRequestMilli && memoryLimit === memoryRequest;
}

function cpuMilli(quantities: Quantities): number | undefined {
  const quantity = read(quantities, 'cpu');
  return quantity === undefined ? undefined : milliValue(quantity);
}

function memoryBytes(quantities: Quantities): number | undefined {
  const quantity = read(quantities, 'memory');
  return quantity === undefined ? undefined : unitValue(quantity);
}

function read(quantities: Quantities, name: string): bigint | undefined {
  const text = quantities?.[name];
  return text === undefined ? undefined : parseQuantity(text);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function sumIfAll(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === values.length && known.length > 0 ? sum(known) : undefined;
}
