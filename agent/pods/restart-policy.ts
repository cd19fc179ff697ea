import type { Container, Pod } from '../objects/types.ts';
import type { RuntimeContainerStatus } from '../runtime/types.ts';

/**
 * Whether a container that has ended may start again: its own restart rules and policy first, then the pod's (kubelet:
 * `ContainerShouldRestart` in `pkg/api/v1/pod/util.go`, KEP-5307).
 */
export function restartsAfter(pod: Pod, container: Container, exitCode: number): boolean {
  if (matchesRule(container, exitCode)) return true;
  switch (container.restartPolicy ?? pod.spec.restartPolicy) {
    case 'Never':
      return false;
    case 'OnFailure':
      return exitCode !== 0;
    default:
      return true;
  }
}

/** As {@link restartsAfter}; an instance in an unknown state counts as failed, and no rule speaks of it. */
export function mayRestart(pod: Pod, container: Container, ended: RuntimeContainerStatus): boolean {
  return ended.state === 'exited' ? restartsAfter(pod, container, ended.exitCode) : restartsOnFailure(pod, container);
}

/** Whether the policy lets a container start again that is killed by its node: after a failed probe, for example. */
export function restartsOnFailure(pod: Pod, container: Container): boolean {
  return (container.restartPolicy ?? pod.spec.restartPolicy) !== 'Never';
}

function matchesRule(container: Container, exitCode: number): boolean {
  return (container.restartPolicyRules ?? []).some(({ action, exitCodes }) => {
    if (action !== 'Restart' || exitCodes === undefined) return false;
    const isListed = (exitCodes.values ?? []).includes(exitCode);
    return exitCodes.operator === 'In' ? isListed : !isListed;
  });
}
