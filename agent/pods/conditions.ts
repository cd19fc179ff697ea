import type { ContainerStatus, Pod, PodCondition, PodStatus } from '../objects/types.ts';
import { DISRUPTION_TARGET, isOwnCondition, TERMINATION_BY_KUBELET } from '../objects/pod-conditions.ts';
import { isSidecar } from '../objects/pod-resources.ts';
import { timestamp } from './container-status.ts';
import type { PodPhase } from './phase.ts';
import { resizeConditions, type ResizeState } from './resize-conditions.ts';
import type { PodFailure } from './status.ts';

interface Verdict {
  readonly type: string;
  readonly status: boolean;
  readonly reason?: string;
  readonly message?: string;
}

export interface ConditionInput {
  readonly pod: Pod;
  readonly phase: PodPhase;
  readonly init: readonly ContainerStatus[];
  readonly app: readonly ContainerStatus[];
  /** App containers of the present sandbox exist: its init containers have done their work. */
  readonly appsBegan: boolean;
  /** The sandbox runs and has its network. */
  readonly sandboxReady: boolean;
  readonly failure: PodFailure | undefined;
  readonly resize: ResizeState;
  readonly previous: PodStatus | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The pod's conditions in the kubelet's order (`pkg/kubelet/status/generate.go`). The transition time of a condition
 * whose status did not change stays, and so do conditions that somebody else set: an API server has them, for a pod of its own.
 */
export function podConditions(input: ConditionInput): PodCondition[] {
  const containersReady = containersReadiness(input);
  const verdicts: Verdict[] = [
    { type: 'PodReadyToStartContainers', status: input.sandboxReady },
    { type: 'Initialized', ...initialization(input) },
    { type: 'Ready', ...readiness(input, containersReady) },
    { type: 'ContainersReady', ...containersReady },
    { type: 'PodScheduled', status: true },
  ];
  const disruption = ownDisruption(input);
  const others = othersConditions(input).filter(({ type }) => disruption === undefined || type !== DISRUPTION_TARGET);
  return [
    ...verdicts.map((verdict) => condition(verdict, input)),
    ...resizeConditions(input),
    ...(disruption === undefined ? [] : [disruption]),
    ...others,
  ];
}

/** The generation of the pod's object that a status goes by (KEP-5067); servers before 1.33 give pods none. */
export function observedGeneration({ metadata }: Pod): Pick<PodCondition, 'observedGeneration'> {
  return metadata.generation === undefined ? {} : { observedGeneration: metadata.generation };
}

/**
 * That this node has ended the pod to be rid of it, told when nothing of the pod runs any more (`mergePodStatus`,
 * pkg/kubelet/status/status_manager.go). It takes the place of what a scheduler or controller said before.
 */
function ownDisruption(input: ConditionInput): PodCondition | undefined {
  const { phase, failure, previous } = input;
  const told = previous?.conditions?.find((one) => one.type === DISRUPTION_TARGET && isOwnCondition(one));
  if (told !== undefined) return told;
  if (phase !== 'Failed' || failure?.disruption === undefined) return undefined;
  const [reason, message] = [TERMINATION_BY_KUBELET, failure.disruption];
  return condition({ type: DISRUPTION_TARGET, status: true, reason, message }, input);
}

function othersConditions({ pod, previous }: ConditionInput): readonly PodCondition[] {
  return ((pod.status ?? previous)?.conditions ?? []).filter((one) => !isOwnCondition(one));
}

/** Regular init containers have succeeded, sidecars have started; afterwards one that restarts changes nothing. */
function initialization({ pod, phase, init, appsBegan }: ConditionInput): Omit<Verdict, 'type'> {
  if (phase === 'Succeeded') return { status: true, reason: 'PodCompleted' };
  if (appsBegan) return { status: true };
  const waiting = (pod.spec.initContainers ?? []).filter((container) => {
    const status = init.find(({ name }) => name === container.name);
    return isSidecar(container) ? status?.started !== true : status?.ready !== true;
  });
  if (waiting.length === 0) return { status: true };
  const names = waiting.map(({ name }) => name).join(' ');
  return {
    status: false,
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${names}]`,
  };
}

/** Sidecars count, regular init containers do not (KEP-753). */
function containersReadiness({ pod, phase, init, app }: ConditionInput): Omit<Verdict, 'type'> {
  if (phase === 'Succeeded') return { status: false, reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: false, reason: 'PodFailed' };
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const counted = [...init.filter(({ name }) => sidecars.has(name)), ...app];
  const unready = counted.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return { status: true };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { status: false, reason: 'ContainersNotReady', message };
}

/** A pod is ready when its containers are and every readiness gate is open (KEP-580). */
function readiness(input: ConditionInput, containers: Omit<Verdict, 'type'>): Omit<Verdict, 'type'> {
  if (!containers.status) return containers;
  const others = othersConditions(input);
  const problems = (input.pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = others.find(({ type }) => type === conditionType);
    if (gate?.status === 'True') return [];
    const type = JSON.stringify(conditionType);
    return gate === undefined
      ? [`corresponding condition of pod readiness gate ${type} does not exist.`]
      : [`the status of pod readiness gate ${type} is not "True", but ${gate.status}`];
  });
  if (problems.length === 0) return { status: true };
  return { status: false, reason: 'ReadinessGatesNotReady', message: problems.join(', ') };
}

function condition(verdict: Verdict, { pod, previous, now }: ConditionInput): PodCondition {
  const status = verdict.status ? 'True' : 'False';
  const before = previous?.conditions?.find(({ type }) => type === verdict.type);
  const since = before?.status === status ? before.lastTransitionTime : undefined;
  return {
    type: verdict.type,
    status,
    ...observedGeneration(pod),
    lastTransitionTime: since ?? timestamp(now),
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
  };
}
