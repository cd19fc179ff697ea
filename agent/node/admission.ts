import { release } from 'node:os';
import { admitOrPreempt } from '../admission/preempt.ts';
import { type ResizeRefusal, resizeRefusal } from '../admission/resize.ts';
import type { AdmissionNode } from '../admission/types.ts';
import { formatPath } from '../objects/field-path.ts';
import type { Pod } from '../objects/types.ts';
import type { PodManager } from '../pods/manager-types.ts';
import type { PodFailure } from '../pods/status.ts';
import { safeSysctls, type SecurityFacts, securityProblems, sysctlProblem } from '../security/index.ts';

export interface ResizeAdmissionDeps {
  /** The node as it is known now. */
  readonly node: () => AdmissionNode;
  readonly manager: () => Pick<PodManager, 'admitted'>;
}

export interface AdmissionDeps extends ResizeAdmissionDeps {
  /** The kubelet's `allowedUnsafeSysctls`. */
  readonly allowedUnsafeSysctls: readonly string[];
  readonly security: () => SecurityFacts;
  readonly manager: () => Pick<PodManager, 'admitted' | 'fail'>;
}

/**
 * Decides, once, whether this node takes a pod that is new to it. For a critical pod room is made: lesser pods end (kubelet:
 * `pkg/kubelet/preemption`).
 */
export function createAdmission(deps: AdmissionDeps): (pod: Pod) => PodFailure | undefined {
  const allowed = [...safeSysctls(release()), ...deps.allowedUnsafeSysctls];
  return (pod) => {
    const refusal = sysctlProblem(pod, allowed) ?? confinementRefusal(pod, deps.security());
    if (refusal !== undefined) return refusal;
    const decision = admitOrPreempt(pod, othersOf(deps, pod), deps.node());
    if (!decision.admitted) return { reason: decision.reason, message: decision.message };
    for (const victim of decision.victims) {
      deps.manager().fail(victim.metadata.uid, preempted, undefined);
    }
    return undefined;
  };
}

/** Decides whether a pod that this node has taken can have the resources that its spec asks for now. */
export function createResizeAdmission(deps: ResizeAdmissionDeps): (pod: Pod) => ResizeRefusal | undefined {
  return (pod) => resizeRefusal(pod, othersOf(deps, pod), deps.node());
}

/** The kubelet's words (pkg/kubelet/preemption/preemption.go). */
const preempted: PodFailure = {
  reason: 'Preempting',
  message: 'Preempted in order to admit critical pod',
  disruption: 'Pod was preempted by Kubelet to accommodate a critical pod.',
};

function othersOf({ manager }: ResizeAdmissionDeps, { metadata: { uid } }: Pod): readonly Pod[] {
  const admitted = manager().admitted();
  return admitted.filter(({ metadata }) => metadata.uid !== uid);
}

/** What the pod wants to be confined by and Docker does not have here. */
function confinementRefusal(pod: Pod, facts: SecurityFacts): PodFailure | undefined {
  const [problem] = securityProblems(pod, facts);
  if (problem === undefined) return undefined;
  const isApparmor = problem.path.at(-1) === 'appArmorProfile';
  const message = `${formatPath(problem.path)}: ${problem.message}`;
  return isApparmor
    ? { reason: 'AppArmor', message: `Cannot enforce AppArmor: ${message}` }
    : { reason: 'UnsupportedSecurityContext', message };
}
