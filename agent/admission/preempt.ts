import { podRequests } from '../objects/pod-resources.ts';
import { type QosClass, qosClass } from '../objects/qos.ts';
import type { Pod } from '../objects/types.ts';
import { admit, obstacles } from './admit.ts';
import { isCriticalPod, mayPreempt } from './critical.ts';
import { requestOf } from './fit.ts';
import type { AdmissionNode, Refusal } from './types.ts';

/** The decision on a pod: it runs once the victims are gone, or it fails. */
export type Decision =
  { readonly admitted: true; readonly victims: readonly Pod[] } | ({ readonly admitted: false } & Refusal);

/** What has to be freed of a resource. */
interface Need {
  readonly resource: string;
  readonly amount: number;
}

const qosRank: Readonly<Record<QosClass, number>> = { BestEffort: 1, Burstable: 2, Guaranteed: 3 };

/**
 * {@link admit}, with room made for critical pods, static ones among them (`HandleAdmissionFailure`,
 * pkg/kubelet/preemption/preemption.go): pods of less weight end so that it fits. A critical pod for which
 * not enough can be freed fails with the kubelet's `UnexpectedAdmissionError`.
 */
export function admitOrPreempt(pod: Pod, others: readonly Pod[], node: AdmissionNode): Decision {
  const { unfit, shortages, predicates } = obstacles(pod, others, node);
  const refusal = isCriticalPod(pod) ? (unfit[0] ?? predicates[0]) : admit(pod, others, node);
  if (refusal !== undefined) return { admitted: false, ...refusal };
  const needs = shortages.map(({ resource, requested, used, capacity }): Need => {
    return { resource, amount: requested - (capacity - used) };
  });
  const victims = preempt(pod, others, needs);
  return victims === undefined ? { admitted: false, ...nothingToPreempt(needs) } : { admitted: true, victims };
}

/**
 * Pods to end so that `needs` are free, as few and as light ones as possible, or undefined when all that may be ended would
 * not do (`getPodsToPreempt`). Groups of equal weight are gone through from the heaviest to the lightest, each giving only
 * what all the lighter ones together cannot.
 */
export function preempt(pod: Pod, others: readonly Pod[], needs: readonly Need[]): readonly Pod[] | undefined {
  const groups = groupByWeight(others.filter((other) => mayPreempt(pod, other)));
  if (remaining(needs, groups.flat()).length > 0) return undefined;
  const victims: Pod[] = [];
  for (const [index, group] of [...groups.entries()].reverse()) {
    const lighter = groups.slice(0, index).flat();
    victims.push(...nearest(group, remaining(needs, [...lighter, ...victims])));
  }
  return victims;
}

/** Lightest group first: by criticality and priority, then by quality of service. */
function groupByWeight(pods: readonly Pod[]): readonly (readonly Pod[])[] {
  const groups: Pod[][] = [];
  for (const pod of [...pods].sort(compareWeight)) {
    const last = groups.at(-1);
    if (last?.[0] !== undefined && compareWeight(last[0], pod) === 0) last.push(pod);
    else groups.push([pod]);
  }
  return groups;
}

function compareWeight(a: Pod, b: Pod): number {
  if (mayPreempt(a, b)) return 1;
  if (mayPreempt(b, a)) return -1;
  return qosRank[qosClass(a)] - qosRank[qosClass(b)];
}

/** Pods of one group that free what is needed, each time the one that comes nearest (`getPodsToPreemptByDistance`). */
function nearest(group: readonly Pod[], needs: readonly Need[]): readonly Pod[] {
  const [first, ...rest] = needs.length === 0 ? [] : [...group].sort((a, b) => compareDistance(a, b, needs));
  return first === undefined ? [] : [first, ...nearest(rest, remaining(needs, [first]))];
}

function compareDistance(a: Pod, b: Pod, needs: readonly Need[]): number {
  return (
    distance(a, needs) - distance(b, needs) ||
    requestedBy(a, 'memory') - requestedBy(b, 'memory') ||
    requestedBy(a, 'cpu') - requestedBy(b, 'cpu')
  );
}

/** How far a pod is from freeing all: the sum of the squared shares that stay needed. */
function distance(pod: Pod, needs: readonly Need[]): number {
  const shares = needs.map(({ resource, amount }) => Math.max(0, amount - requestedBy(pod, resource)) / amount);
  return shares.reduce((sum, share) => sum + share ** 2, 0);
}

/** What is still needed without these pods. */
function remaining(needs: readonly Need[], without: readonly Pod[]): readonly Need[] {
  return needs
    .map(({ resource, amount }) => ({
      resource,
      amount: without.reduce((left, pod) => left - requestedBy(pod, resource), amount),
    }))
    .filter(({ amount }) => amount > 0);
}

function requestedBy(pod: Pod, resource: string): number {
  return resource === 'pods' ? 1 : requestOf(podRequests(pod), resource);
}

function nothingToPreempt(needs: readonly Need[]): Refusal {
  const list = needs.map(({ resource, amount }) => `(res: ${resource}, q: ${amount}), `).join('');
  return {
    reason: 'UnexpectedAdmissionError',
    message:
      'Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to ' +
      `preempt: no set of running pods found to reclaim resources: [${list}]`,
  };
}
