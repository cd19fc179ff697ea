import type { INodeCondition } from 'kubernetes-models/v1/NodeCondition';

export type NodeCondition = INodeCondition;

/** One condition as it is now, without its times. */
export interface ConditionFact {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export interface ReadinessFacts {
  /** Why pods cannot run; empty when they can. In the kubelet's order: runtime, network, others. */
  readonly problems: readonly string[];
}

/** `Ready` as the kubelet words it (`ReadyCondition`, pkg/kubelet/nodestatus/setters.go). */
export function readyCondition({ problems }: ReadinessFacts): ConditionFact {
  return problems.length === 0
    ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
    : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: `[${problems.join(', ')}]` };
}

/** `NetworkUnavailable`, which cloud providers own where there are some: only told when podwright makes the network itself. */
export function networkCondition(problem: string | undefined): ConditionFact {
  return problem === undefined
    ? {
        type: 'NetworkUnavailable',
        status: 'False',
        reason: 'PodwrightNetworkReady',
        message: 'podwright has set up the pod network',
      }
    : { type: 'NetworkUnavailable', status: 'True', reason: 'PodwrightNetworkNotReady', message: problem };
}

/**
 * Conditions with their times: a condition that says the same as before has had no transition.
 *
 * @param before as the server has them; those of others, such as node-problem-detector's, stay
 * @param now RFC 3339
 */
export function withTimes(
  facts: readonly ConditionFact[],
  before: readonly NodeCondition[],
  now: string,
): readonly NodeCondition[] {
  const own = facts.map((fact): NodeCondition => {
    const known = before.find(({ type }) => type === fact.type);
    const since = known?.status === fact.status ? known.lastTransitionTime : undefined;
    return { ...fact, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
  });
  const types = new Set(facts.map(({ type }) => type));
  return [...before.filter(({ type }) => !types.has(type)), ...own];
}
