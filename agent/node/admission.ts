import { release } from 'node:os';
import { admitOrPreempt } from '../admission/preempt.ts';
import type { AdmissionNode } from '../admission/types.ts';
import { formatPath } from '../objects/field-path.ts';
import type { Pod } from '../objects/types.ts';
import type { PodManager } from '../pods/manager.ts';
import type { PodFailure } from '../pods/status.ts';
import { safeSysctls, type SecurityFacts, securityProblems, sysctlProblem } from '../security/index.ts';

export interface AdmissionDeps {
  /** The node as it is known now. */
  readonly node: () => AdmissionNode;
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
    const { manager } = deps;
    const others = manager()
      .admitted()
      .filter(({ metadata }) => metadata.uid !== pod.metadata.uid);
    const decision = admitOrPreempt(pod, others, deps.node());
    if (!decision.admitted) return { reason: decision.reason, message: decision.message };
    for (const victim of decision.victims) {
      const message = 'Preempted in order to admit critical pod';
      manager().fail(victim.metadata.uid, { reason: 'Preempting', message }, undefined);
    }
    return undefined;
  };
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
