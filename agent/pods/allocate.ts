import type { ResizeRefusal } from '../admission/resize.ts';
import type { Pod } from '../objects/types.ts';
import { resizeStep, withAllocation } from './allocation.ts';
import type { PodDeps } from './deps.ts';
import type { PodRecord } from './pod-record.ts';
import { podReference } from './references.ts';
import { isTerminalPhase } from './status.ts';

/**
 * Grants a pod that the node has taken the resources that it asks for now, or remembers why not. To be called before each look at
 * what there is to do for it.
 */
export function allocate(deps: Pick<PodDeps, 'refuseResize' | 'events'>, record: PodRecord): void {
  const { desired, failure, status } = record;
  if (desired === undefined || failure !== undefined || isTerminalPhase(status?.phase)) {
    record.pendingResize = undefined;
    return;
  }
  const step = resizeStep(desired, record.allocation, deps.refuseResize);
  if (step.kind === 'pending') tellPending(deps, record, desired, step.refusal);
  else record.allocation = step.allocation;
  record.pendingResize = step.kind === 'pending' ? step.refusal : undefined;
  record.pod = withAllocation(desired, record.allocation);
  if (step.kind !== 'granted') return;
  record.grantedGeneration = desired.metadata.generation;
  deps.events.event(podReference(desired), 'Normal', 'ResizeStarted', `Pod resize started: ${resourcesText(desired)}`);
}

/** A resize that waits is told once: what is free on the node, which the message names, changes often. */
function tellPending(
  { events }: Pick<PodDeps, 'events'>,
  { pendingResize }: PodRecord,
  desired: Pod,
  { reason, message }: ResizeRefusal,
): void {
  if (pendingResize?.reason === reason && (reason === 'Deferred' || pendingResize.message === message)) return;
  const text = `Pod resize ${reason}: ${resourcesText(desired, message)}`;
  events.event(podReference(desired), 'Warning', `Resize${reason}`, text);
}

/** As the kubelet shows it (`podResizeMessage`, pkg/kubelet/events). */
function resourcesText({ metadata, spec }: Pod, error?: string): string {
  const shown = (list: Pod['spec']['containers']): object[] => list.map(({ name, resources }) => ({ name, resources }));
  return JSON.stringify({
    ...(spec.initContainers === undefined ? {} : { initContainers: shown(spec.initContainers) }),
    containers: shown(spec.containers),
    generation: metadata.generation,
    error,
  });
}
