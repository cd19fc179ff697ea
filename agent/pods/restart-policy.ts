import type { Container, Pod } from '../objects/types.ts';
import type { RuntimeContainerStatus } from '../runtime/types.ts';

/**
 * Whether a container that has ended may start again: its own restart rules and policy first, then the pod's (kubelet:
 * `ShouldContainerBeRestarted`, KEP-5307). One in an unknown state counts as failed.
 */
export function mayRestart(pod: Pod, container: Container, ended: RuntimeContainerStatus): boolean {
  if (ended.state === 'exited' && matchesRule(container, ended.exitCode)) return true;
  switch (container.restartPolicy ?? pod.spec.restartPolicy) {
    case 'Never':
      return false;
    case 'OnFailure':
      return ended.state !== 'exited' || ended.exitCode !== 0;
    default:
      return true;
  }
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
