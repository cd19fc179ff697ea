import type { Container, Pod } from '../objects/types.ts';
import { effectiveUser } from './effective.ts';

const maxUid = 2 ** 31 - 1;

/**
 * Why a container that must not run as root may not start; undefined when it may. The messages are those of the kubelet
 * (`verifyRunAsNonRoot` in `pkg/kubelet/kuberuntime/security_context_others.go`): people look for them.
 *
 * @param imageUser the image's `USER`: `uid`, `uid:gid`, a name, or empty, which is root
 */
export function verifyRunAsNonRoot(pod: Pod, container: Container, imageUser: string): string | undefined {
  const { runAsNonRoot, runAsUser } = effectiveUser(pod, container);
  if (!runAsNonRoot) return undefined;
  const problem = runAsUser === undefined ? imageProblem(imageUser) : runAsUserProblem(runAsUser);
  if (problem === undefined) return undefined;
  const { name, namespace, uid } = pod.metadata;
  return `${problem} (pod: "${name}_${namespace}(${uid})", container: ${container.name})`;
}

function runAsUserProblem(runAsUser: number): string | undefined {
  return runAsUser === 0 ? "container's runAsUser breaks non-root policy" : undefined;
}

function imageProblem(imageUser: string): string | undefined {
  const [user = ''] = imageUser.split(':');
  if (user !== '' && !/^\d+$/.test(user)) {
    return `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root`;
  }
  const uid = Number(user);
  if (uid === 0) return 'container has runAsNonRoot and image will run as root';
  if (uid <= maxUid) return undefined;
  const range = `must be between 0 and ${maxUid}, inclusive`;
  return `container has runAsNonRoot and image has an invalid user id (${user}). (Must be 1-(${maxUid})): ${range}`;
}
