import { messageOf } from '../../cni/index.ts';
import { podHostname } from '../environment/index.ts';
import { supportProblem } from '../objects/support.ts';
import type { Pod } from '../objects/types.ts';
import type { SandboxStart } from '../runtime/types.ts';
import type { PodDeps } from './deps.ts';
import type { PodActions } from './plan-types.ts';
import { podReference } from './references.ts';
import { renderSandboxConfig } from './render.ts';

/** The sandbox that containers start in: one that is there, or one that comes up. */
export interface SandboxOfStart {
  readonly id: string;
  /** Resolves to the pod's addresses when containers may start; empty on the host network. */
  readonly ready: Promise<readonly string[]>;
}

/** Makes a new sandbox when the plan asks for one. @throws when it cannot be made; `ready` rejects when it does not come up */
export async function sandboxFor(
  deps: PodDeps,
  pod: Pod,
  actions: PodActions,
  currentIps: readonly string[],
  signal: AbortSignal,
): Promise<SandboxOfStart> {
  if (actions.sandboxId !== undefined) {
    await deps.identityFiles.write(pod, currentIps);
    return { id: actions.sandboxId, ready: Promise.resolve(currentIps) };
  }
  try {
    await deps.identityFiles.write(pod, undefined);
    const { id, ready: network } = await runSandbox(deps, pod, actions, signal);
    const addresses = network.then(
      async ({ ips }) => {
        await deps.identityFiles.write(pod, ips);
        return ips;
      },
      (error: unknown) => {
        throw sandboxFailure(deps, pod, error, signal);
      },
    );
    addresses.catch(() => undefined);
    return { id, ready: addresses };
  } catch (error) {
    throw sandboxFailure(deps, pod, error, signal);
  }
}

async function runSandbox(deps: PodDeps, pod: Pod, actions: PodActions, signal: AbortSignal): Promise<SandboxStart> {
  const problem = supportProblem(pod);
  if (problem !== undefined) throw new Error(problem);
  const runtimeHandler = await deps.runtimeHandler?.(pod, signal);
  const { hostname, fqdn } = podHostname(pod, deps.clusterDomain);
  await deps.podCgroups.ensurePod(pod, signal);
  const config = renderSandboxConfig(pod, {
    attempt: actions.createSandbox ?? 0,
    image: await deps.sandboxImage(signal),
    hostname: fqdn ?? hostname,
    cgroups: deps.cgroups(),
    security: await deps.security.sandbox(pod),
    runtimeHandler,
  });
  return deps.runtime.runPodSandbox(config, signal);
}

function sandboxFailure(deps: PodDeps, pod: Pod, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return error;
  const message = `Failed to create pod sandbox: ${messageOf(error)}`;
  deps.events.event(podReference(pod), 'Warning', 'FailedCreatePodSandBox', message);
  return new Error(message, { cause: error });
}
