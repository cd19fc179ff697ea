import type { EphemeralContainer, Pod } from '../objects/types.ts';
import type { RuntimePod, SandboxStatus } from '../runtime/types.ts';
import { annotation } from './annotations.ts';
import { allContainers, newestContainer, newestExited, wasStarted } from './observed.ts';
import { hasEndedForGood, planAppContainers, planEphemeralContainers, strayContainers } from './plan-containers.ts';
import { planInitContainers } from './plan-init.ts';
import type { BackingOff, KillContainer, PlanFacts, PodActions, StartContainer, WantedStart } from './plan-types.ts';

/**
 * Decides what to do for a pod, by the rules of the kubelet's `computePodActions` and `PodSandboxChanged`
 * (`pkg/kubelet/kuberuntime`). Reads nothing, touches nothing.
 */
export function computePodActions(pod: Pod, observed: RuntimePod, facts: PlanFacts): PodActions {
  if (isReplaced(pod, observed)) return endActions(pod, observed, true);
  if (facts.isTerminal) return endActions(pod, observed, false);
  const sandbox = usableSandbox(pod, observed);
  return sandbox === undefined ? planNewSandbox(pod, observed, facts) : planInSandbox(pod, observed, sandbox, facts);
}

/** The newest sandbox, unless it must be made anew: it does not run, lacks its network, or has another network mode. */
export function usableSandbox(pod: Pod, observed: RuntimePod): SandboxStatus | undefined {
  const ready = observed.sandboxes.filter((sandbox) => sandbox.state === 'ready');
  const newest = observed.sandboxes[0];
  if (newest === undefined || ready.length !== 1 || ready[0] !== newest) return undefined;
  if (newest.hostNetwork !== (pod.spec.hostNetwork ?? false)) return undefined;
  return newest.hostNetwork || newest.ips.length > 0 ? newest : undefined;
}

/** Content that cannot be changed under a running pod is other than the sandbox's. */
export function isReplaced(pod: Pod, observed: RuntimePod): boolean {
  const then = observed.sandboxes[0]?.annotations ?? {};
  const now = pod.metadata.annotations;
  const differs = (key: string): boolean => then[key] !== undefined && now[key] !== undefined && then[key] !== now[key];
  return differs(annotation.configHash) && (now[annotation.fixedHash] === undefined || differs(annotation.fixedHash));
}

/** A pod in a new sandbox begins anew: with its first init container, or with all apps that have something left to do. */
function planNewSandbox(pod: Pod, observed: RuntimePod, facts: PlanFacts): PodActions {
  if (pod.spec.restartPolicy === 'Never' && observed.containers.some(wasStarted))
    return endActions(pod, observed, false);
  const apps = pod.spec.containers.filter(
    (container) => !hasEndedForGood(pod, container, newestContainer(observed, container.name), facts),
  );
  const [firstInit] = pod.spec.initContainers ?? [];
  if (apps.length === 0 && wasInitialized(pod, observed)) return endActions(pod, observed, false);
  const wanted: WantedStart[] =
    firstInit === undefined
      ? apps.map((container) => ({ container, kind: 'app' as const }))
      : [{ container: firstInit, kind: 'init' }];
  const split = splitByBackoff(wanted, observed, facts);
  return {
    ...nothing,
    stopSandboxes: observed.sandboxes,
    killContainers: strayContainers(pod, observed, undefined),
    createSandbox: split.start.length === 0 ? undefined : nextSandboxAttempt(observed),
    startContainers: split.start,
    backingOff: split.backingOff,
    removeContainers: containersToRemove(pod, observed, split.start),
  };
}

function wasInitialized(pod: Pod, observed: RuntimePod): boolean {
  const isNoInit = (pod.spec.initContainers ?? []).length === 0;
  return isNoInit || pod.spec.containers.some(({ name }) => newestContainer(observed, name) !== undefined);
}

function planInSandbox(pod: Pod, observed: RuntimePod, sandbox: SandboxStatus, facts: PlanFacts): PodActions {
  const ephemeral = planEphemeralContainers(pod, observed);
  const init = planInitContainers(pod, observed, sandbox, facts);
  if (init.failed) return endActions(pod, observed, false);
  const app = init.initialized ? planAppContainers(pod, observed, sandbox, facts) : undefined;
  if (app?.kept === 0 && app.start.length === 0 && app.kill.length === 0) return endActions(pod, observed, false);

  const steps = [ephemeral, init.steps, ...(app === undefined ? [] : [app])];
  const wanted = steps.flatMap(({ start }) => start);
  const split = splitByBackoff(wanted, observed, facts);
  return {
    ...nothing,
    stopSandboxes: observed.sandboxes.filter((other) => other !== sandbox),
    killContainers: uniqueKills([...strayContainers(pod, observed, sandbox), ...steps.flatMap(({ kill }) => kill)]),
    sandboxId: sandbox.id,
    startContainers: split.start,
    backingOff: split.backingOff,
    resizeContainers: steps.flatMap(({ resize }) => resize),
    removeContainers: containersToRemove(pod, observed, split.start),
  };
}

const nothing: PodActions = {
  replace: false,
  finished: false,
  stopSandboxes: [],
  killContainers: [],
  createSandbox: undefined,
  sandboxId: undefined,
  startContainers: [],
  backingOff: [],
  resizeContainers: [],
  removeContainers: [],
};

function endActions(pod: Pod, observed: RuntimePod, replace: boolean): PodActions {
  return {
    ...nothing,
    replace,
    finished: !replace,
    stopSandboxes: observed.sandboxes,
    killContainers: strayContainers(pod, observed, undefined),
    removeContainers: containersToRemove(pod, observed, []),
  };
}

function uniqueKills(kills: readonly KillContainer[]): KillContainer[] {
  return [...new Map(kills.map((kill) => [kill.container.id, kill])).values()];
}

function splitByBackoff(
  wanted: readonly WantedStart[],
  observed: RuntimePod,
  facts: PlanFacts,
): { readonly start: StartContainer[]; readonly backingOff: BackingOff[] } {
  const start: StartContainer[] = [];
  const backingOff: BackingOff[] = [];
  for (const { container, kind } of wanted) {
    const lastFinishedAt = newestExited(observed, container.name)?.finishedAt;
    const wait = lastFinishedAt === undefined ? undefined : facts.crashBackoff(container, lastFinishedAt);
    if (wait !== undefined) backingOff.push({ container, ...wait });
    else {
      const attempt = nextAttempt(observed, container.name, facts);
      start.push({ container, kind, attempt, lastFinishedAt, ...targetOf(container, observed) });
    }
  }
  return { start, backingOff };
}

function targetOf(container: EphemeralContainer, observed: RuntimePod): Pick<StartContainer, 'targetId'> {
  const { targetContainerName } = container;
  const target = targetContainerName ? newestContainer(observed, targetContainerName) : undefined;
  return target?.state === 'running' ? { targetId: target.id } : {};
}

function nextSandboxAttempt(observed: RuntimePod): number {
  const newest = observed.sandboxes[0];
  return newest === undefined ? 0 : newest.attempt + 1;
}

/** Restart count of the next instance. One that was created but never started is made again under its own number. */
function nextAttempt(observed: RuntimePod, name: string, facts: PlanFacts): number {
  const newest = newestContainer(observed, name);
  if (newest !== undefined) return wasStarted(newest) ? newest.attempt + 1 : newest.attempt;
  const published = facts.published(name);
  return published === undefined ? 0 : published.restartCount + 1;
}

/** Keeps, of each container, what runs and the newest that ended (kubelet: one dead container each). */
function containersToRemove(pod: Pod, observed: RuntimePod, start: readonly StartContainer[]): string[] {
  const starting = new Set(start.map(({ container }) => container.name));
  const known = new Set(allContainers(pod).map(({ name }) => name));
  const keepsCreated = (name: string): boolean => known.has(name) && !starting.has(name);
  return observed.containers
    .filter((container) => {
      if (container.state === 'created') return !keepsCreated(container.name);
      return container.state === 'exited' && newestExited(observed, container.name) !== container;
    })
    .map(({ id }) => id);
}
