import { join } from 'node:path';
import { ContainerConfigError, readEnvFiles, resolveEnvironment } from '../environment/index.ts';
import { isFromApi } from '../objects/static-pod.ts';
import type { Container, EphemeralContainer, Pod } from '../objects/types.ts';
import type { ContainerConfig, ImageStatus } from '../runtime/types.ts';
import { containerDir } from '../volumes/paths.ts';
import type { PreparedVolumes } from '../volumes/pod-volumes.ts';
import type { PodDeps } from './deps.ts';
import type { StartContainer } from './plan-types.ts';
import { renderContainerConfig } from './render.ts';
import { terminationMessageMount } from './termination-message.ts';

/** Where an instance of a container leaves its last words; of its own, so that an old instance's are not taken for them. */
export function terminationMessagePath(podDir: string, container: string, attempt: number): string {
  return join(containerDir(podDir, container), String(attempt));
}

/** The environment of a container names the pod's address: it can be described only when the sandbox has one. */
export function needsPodIp({ env }: Pick<Container, 'env'>): boolean {
  return env.some(({ valueFrom }) => valueFrom?.fieldRef?.fieldPath.startsWith('status.podIP') === true);
}

/**
 * Puts together what the runtime is asked for: environment, mounts, user, limits.
 *
 * @param podIps addresses of the sandbox, see {@link needsPodIp}
 * @throws an error with the reason `CreateContainerConfigError` when the spec cannot be fulfilled
 */
export async function containerConfig(
  deps: PodDeps,
  pod: Pod,
  { container, attempt, targetId }: StartContainer,
  image: ImageStatus,
  volumes: PreparedVolumes,
  podIps: readonly string[],
  signal: AbortSignal,
): Promise<ContainerConfig> {
  const problem = deps.security.runAsNonRootProblem(pod, container, image.user ?? '');
  if (problem !== undefined) throw new ContainerConfigError(problem);
  const target = (container as EphemeralContainer).targetContainerName;
  if (target && targetId === undefined) throw new ContainerConfigError(`unable to find target container "${target}"`);
  const facts = {
    nodeName: deps.node.name,
    podIps: pod.spec.hostNetwork === true ? deps.node.hostIps() : podIps,
    hostIps: deps.node.hostIps(),
    allocatable: deps.node.allocatable,
  };
  // Static pods run without an API server, whatever they then do not hear of (kubelet `makeEnvironmentVariables`).
  if (isFromApi(pod) && (await deps.servicesRead?.(signal)) === false)
    throw new ContainerConfigError('services have not yet been read at least once, cannot construct envvars');
  const files = await readEnvFiles(container, (volume, path) => volumes.readFile(volume, path), signal);
  const env = resolveEnvironment(pod, container, { objects: deps.objects, facts, files });
  const messagePath = terminationMessagePath(deps.podDir(pod.metadata.uid), container.name, attempt);
  const lastWords = await terminationMessageMount(container, messagePath);
  const mounts = [
    ...(await volumes.mounts(container, env, signal)),
    ...deps.identityFiles.mounts(pod, container),
    ...(lastWords === undefined ? [] : [lastWords]),
  ];
  return renderContainerConfig(pod, container, {
    attempt,
    targetId,
    imageId: image.id,
    env,
    mounts,
    cgroups: deps.cgroups(),
    security: await deps.security.container(pod, container, image.user ?? ''),
    runtimeHandler: await deps.runtimeHandler?.(pod, signal),
    resources: deps.resourcesOf(pod, container),
    memoryCapacity: deps.node.memoryCapacity,
  });
}
