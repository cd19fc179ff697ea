import type { Container, Pod } from '../objects/types.ts';
import { parseQuantity, unitValue } from '../objects/quantity.ts';
import type { Amount, ContainerUsage, PodUsage } from '../stats/index.ts';
import { amountOf } from './pressure.ts';
import { renderCount, renderQuantity } from './quantity-render.ts';
import { type Observations, signals, type StarvedResource } from './signals.ts';
import type { Threshold } from './thresholds.ts';

/**
 * Why a pod is evicted (`evictionMessage`, pkg/kubelet/eviction/helpers.go):
 *
 *   The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. Container app was using 200Mi,
 *   request is 100Mi, has larger consumption of memory.
 *
 * @param threshold the one that is acted on
 * @param usage of the pod; a container whose usage was not measured is not named
 */
export function evictionMessage(
  pod: Pod,
  threshold: Threshold,
  observations: Observations,
  usage: PodUsage | undefined,
): string {
  const { resource } = signals[threshold.signal];
  const observed = observations.get(threshold.signal);
  const low = `The node was low on resource: ${resource}. `;
  const found = observed === undefined ? '' : thresholdSentence(threshold, observed, resource);
  return low + found + podSentence(pod, resource, usage) + containerSentences(pod, resource, usage);
}

function thresholdSentence({ value }: Threshold, { available, capacity }: Amount, resource: StarvedResource): string {
  const isCount = resource === 'inodes' || resource === 'pids';
  const quantity = 'amount' in value ? value.text : renderQuantity(amountOf(value, capacity));
  const left = isCount ? renderCount(available) : renderQuantity(available);
  return `Threshold quantity: ${quantity}, available: ${left}. `;
}

/** Of a pod that requests memory as a whole (KEP-2837). */
function podSentence({ metadata, spec }: Pod, resource: StarvedResource, usage: PodUsage | undefined): string {
  const request = spec.resources?.requests?.[resource];
  if (resource !== 'memory' || request === undefined || usage?.memoryBytes === undefined) return '';
  return sentence(`Pod ${metadata.name}`, usage.memoryBytes, String(request), resource);
}

function containerSentences({ spec }: Pod, resource: StarvedResource, usage: PodUsage | undefined): string {
  return [...spec.containers, ...(spec.initContainers ?? [])]
    .map((container) => containerSentence(container, resource, usage?.containers.get(container.name)))
    .join('');
}

function containerSentence(container: Container, resource: StarvedResource, usage: ContainerUsage | undefined): string {
  const used = usage && usedBy(usage, resource);
  const request = container.resources.requests?.[resource] ?? '0';
  if (used === undefined || used <= unitValue(parseQuantity(request) ?? 0n)) return '';
  return sentence(`Container ${container.name}`, used, String(request), resource);
}

function usedBy({ memoryBytes, layer, logs }: ContainerUsage, resource: StarvedResource): number | undefined {
  if (resource === 'memory') return memoryBytes;
  return resource === 'ephemeral-storage' ? layer.bytes + logs.bytes : undefined;
}

function sentence(who: string, used: number, request: string, resource: StarvedResource): string {
  return `${who} was using ${renderQuantity(used)}, request is ${request}, has larger consumption of ${resource}. `;
}
