import type { Pod } from '../objects/types.ts';
import { admit } from './admit.ts';
import { shortages } from './fit.ts';
import type { AdmissionNode } from './types.ts';

/** Why a pod that runs cannot have the resources that it asks for now: reason and message of `PodResizePending`. */
export interface ResizeRefusal {
  /** `Infeasible`: this node never has as much. `Deferred`: it may, when other pods end or become smaller. */
  readonly reason: 'Infeasible' | 'Deferred';
  readonly message: string;
}

/**
 * Whether a pod can be resized beside others: undefined, or the kubelet's reason and words (`canResizePod`,
 * pkg/kubelet/allocation/allocation_manager.go). What does not fit waits, also a critical pod: no other pod ends for it.
 *
 * Unlike the kubelet this allows static pods to be resized, those whose manifest gives them a UID of their own.
 *
 * @param pod as it is to be
 * @param others pods of the node, with the resources that they have been granted
 */
export function resizeRefusal(pod: Pod, others: readonly Pod[], node: AdmissionNode): ResizeRefusal | undefined {
  const beyond = shortages(pod, [], node.allocatable);
  const worst = ['memory', 'cpu'].flatMap((name) => beyond.find(({ resource }) => resource === name) ?? [])[0];
  if (worst !== undefined) {
    const { resource, requested, capacity } = worst;
    const message = `Node didn't have enough capacity: ${resource}, requested: ${requested}, capacity: ${capacity}`;
    return { reason: 'Infeasible', message };
  }
  const refusal = admit(pod, others, node);
  return refusal === undefined ? undefined : { reason: 'Deferred', message: refusal.message };
}
