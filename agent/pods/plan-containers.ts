import type { Container, Pod } from '../objects/types.ts';
import type { RuntimeContainerStatus, RuntimePod, SandboxStatus } from '../runtime/types.ts';
import { annotation, containerHash } from './annotations.ts';
import { allContainers, mayRun, newestContainer, wasStarted } from './observed.ts';
import type { KillContainer, PlanFacts, ResizeContainer, WantedStart } from './plan-types.ts';
import { desiredResize } from './resize.ts';
import { restartsAfter, restartsOnFailure } from './restart-policy.ts';

/** What is to happen to containers that run or should run in a sandbox. */
export interface ContainerSteps {
  readonly start: readonly WantedStart[];
  readonly kill: readonly KillContainer[];
  readonly resize: readonly ResizeContainer[];
  /** Containers that run as they should. */
  readonly kept: number;
}

export const noSteps: ContainerSteps = { start: [], kill: [], resize: [], kept: 0 };

export function joinSteps(steps: readonly ContainerSteps[]): ContainerSteps {
  return {
    start: steps.flatMap(({ start }) => start),
    kill: steps.flatMap(({ kill }) => kill),
    resize: steps.flatMap(({ resize }) => resize),
    kept: steps.reduce((sum, { kept }) => sum + kept, 0),
  };
}

/** The pod's app containers, once it is initialized (kubelet: `computePodActions`). */
export function planAppContainers(
  pod: Pod,
  observed: RuntimePod,
  sandbox: SandboxStatus,
  facts: PlanFacts,
): ContainerSteps {
  return joinSteps(
    pod.spec.containers.map((container) => {
      const newest = newestContainer(observed, container.name);
      if (newest?.state === 'running' && newest.sandboxId === sandbox.id) {
        return planRunning(pod, { container, kind: 'app' }, newest, facts);
      }
      const starts = !hasEndedForGood(pod, container, newest, facts);
      return { ...noSteps, start: starts ? [{ container, kind: 'app' as const }] : [] };
    }),
  );
}

/**
 * Whether nothing may start this app container again. Of one whose instances somebody removed (`docker container prune`)
 * the published status tells: work that is done is not done twice. One in an unknown state is killed and starts again
 * whatever its policy (kubelet: `ShouldContainerBeRestarted`).
 *
 * @param newest its newest instance, in whichever sandbox
 */
export function hasEndedForGood(
  pod: Pod,
  container: Container,
  newest: RuntimeContainerStatus | undefined,
  facts: PlanFacts,
): boolean {
  const exitCode = newest === undefined ? facts.published(container.name)?.exitCode : newest.exitCode;
  if (exitCode === undefined || (newest !== undefined && newest.state !== 'exited')) return false;
  return !restartsAfter(pod, container, exitCode);
}

/** Ephemeral containers start once, whether or not the pod is initialized, and in no later sandbox again (KEP-277). */
export function planEphemeralContainers(pod: Pod, observed: RuntimePod): ContainerSteps {
  const missing = (pod.spec.ephemeralContainers ?? []).filter(({ name }) => {
    const newest = newestContainer(observed, name);
    return newest === undefined || !wasStarted(newest);
  });
  return { ...noSteps, start: missing.map((container) => ({ container, kind: 'ephemeral' as const })) };
}

/** A container that runs in the sandbox stays, unless its definition changed, a probe failed or a resize needs a restart. */
export function planRunning(
  pod: Pod,
  wanted: WantedStart,
  running: RuntimeContainerStatus,
  facts: PlanFacts,
): ContainerSteps {
  const { container } = wanted;
  const isInit = wanted.kind === 'init';
  const saying = (why: string): string => `${isInit ? 'Init container' : 'Container'} ${container.name} ${why}`;
  const restart = (why: string, more: Pick<KillContainer, 'graceSeconds' | 'forResize'> = {}): ContainerSteps => ({
    ...noSteps,
    start: [wanted],
    // A sidecar is always restarted: the kubelet does not say so.
    kill: [{ container: running, message: saying(why) + (isInit ? '' : ', will be restarted'), ...more }],
  });
  if (changed(container, running)) return restart('definition changed');
  const failure = facts.probes.failure(running.id);
  if (failure !== undefined) {
    const why = `failed ${failure.kind} probe`;
    if (restartsOnFailure(pod, container)) return restart(why, { graceSeconds: failure.graceSeconds });
    return { ...noSteps, kill: [{ container: running, message: saying(why), graceSeconds: failure.graceSeconds }] };
  }
  const resize = desiredResize(container, facts.resourcesOf(container), running);
  if (resize?.action === 'restart') return restart('resize requires restart', { forResize: true });
  const update = resize === undefined ? [] : [{ id: running.id, container, resources: resize.resources }];
  return { ...noSteps, resize: update, kept: 1 };
}

function changed(container: Container, running: RuntimeContainerStatus): boolean {
  const hash = running.annotations[annotation.containerHash];
  return hash !== undefined && hash !== containerHash(container);
}

/**
 * Containers that run, or may run, where nobody wants them: in another sandbox, without a place in the spec, twice, or
 * in a state that the runtime cannot tell. An ephemeral container in such a state is left alone: it does not start again.
 *
 * @param sandbox the sandbox that is kept; undefined when none is
 */
export function strayContainers(pod: Pod, observed: RuntimePod, sandbox: SandboxStatus | undefined): KillContainer[] {
  const known = new Set(allContainers(pod).map(({ name }) => name));
  const ephemeral = new Set((pod.spec.ephemeralContainers ?? []).map(({ name }) => name));
  return observed.containers.filter(mayRun).flatMap((container) => {
    const { name } = container;
    const message = ((): string | undefined => {
      if (sandbox === undefined || container.sandboxId !== sandbox.id) return `Stopping container ${name}`;
      if (!known.has(name)) return `Container ${name} is not in the pod's spec any more, will be stopped`;
      if (container.state === 'unknown' && !ephemeral.has(name))
        return `Container ${name} is in unknown state, try killing it before restart`;
      return newestContainer(observed, name) === container
        ? undefined
        : `Container ${name} runs twice, will be stopped`;
    })();
    return message === undefined ? [] : [{ container, message }];
  });
}
