import type { Container, Pod } from '../objects/types.ts';
import type { RuntimeContainerStatus, RuntimePod, SandboxStatus } from '../runtime/types.ts';
import { isSidecar } from '../objects/pod-resources.ts';
import { newestIn } from './observed.ts';
import { type ContainerSteps, joinSteps, noSteps, planRunning } from './plan-containers.ts';
import type { PlanFacts } from './plan-types.ts';
import { mayRestart } from './restart-policy.ts';

export interface InitPlan {
  readonly steps: ContainerSteps;
  /** App containers may start. */
  readonly initialized: boolean;
  /** An init container failed for good: the pod is over. */
  readonly failed: boolean;
}

/**
 * How far the init containers of a sandbox are, and what is next (kubelet: `computeInitContainerActions`). They run one
 * after the other; the next one starts when a regular one ended with 0, or when a sidecar has started. Progress is read off
 * the last one that has a trace: of those before it the runtime may have lost all.
 */
export function planInitContainers(pod: Pod, observed: RuntimePod, sandbox: SandboxStatus, facts: PlanFacts): InitPlan {
  const inits = pod.spec.initContainers ?? [];
  const reached = progress(pod, inits, observed, sandbox);
  const current = inits[reached];
  const passed = inits.slice(0, Math.max(0, reached));
  const sidecars = passed.filter(isSidecar).map((container) => planSidecar(pod, container, observed, sandbox, facts));
  if (reached === inits.length) return { steps: joinSteps(sidecars), initialized: true, failed: false };

  const status = current && newestIn(observed, sandbox, current.name);
  if (current === undefined || status === undefined) {
    return { steps: joinSteps([...sidecars, startOf(inits[0])]), initialized: false, failed: false };
  }
  if (hasFailed(pod, current, status)) return { steps: noSteps, initialized: false, failed: true };
  const own = isSidecar(current)
    ? planSidecar(pod, current, observed, sandbox, facts)
    : planRegular(pod, current, status);
  // Its liveness does not matter here, nor that it will be restarted with another image: it has been started.
  const isDone = isSidecar(current)
    ? status.state === 'running' && facts.probes.isStarted(status.id)
    : status.state === 'exited' && status.exitCode === 0;
  const next = isDone ? inits[reached + 1] : undefined;
  return {
    steps: joinSteps([...sidecars, own, startOf(next)]),
    initialized: isDone && next === undefined,
    failed: false,
  };
}

/** Index of the init container that it has come to; -1 before the first, their number when app containers were begun. */
function progress(pod: Pod, inits: readonly Container[], observed: RuntimePod, sandbox: SandboxStatus): number {
  const began = ({ name }: Container): boolean => newestIn(observed, sandbox, name) !== undefined;
  return inits.length === 0 || pod.spec.containers.some(began) ? inits.length : inits.findLastIndex(began);
}

function startOf(container: Container | undefined): ContainerSteps {
  return container === undefined ? noSteps : { ...noSteps, start: [{ container, kind: 'init' }] };
}

/** A sidecar is started again whenever it does not run, whatever the pod's restart policy. */
function planSidecar(
  pod: Pod,
  container: Container,
  observed: RuntimePod,
  sandbox: SandboxStatus,
  facts: PlanFacts,
): ContainerSteps {
  const status = newestIn(observed, sandbox, container.name);
  if (status?.state === 'running') return planRunning(pod, { container, kind: 'init' }, status, facts);
  return startOf(container);
}

function planRegular(pod: Pod, container: Container, status: RuntimeContainerStatus): ContainerSteps {
  const again = status.state === 'created' || (status.state !== 'running' && mayRestart(pod, container, status));
  return again && !hasSucceeded(status) ? startOf(container) : noSteps;
}

const hasSucceeded = ({ state, exitCode }: RuntimeContainerStatus): boolean => state === 'exited' && exitCode === 0;

function hasFailed(pod: Pod, container: Container, status: RuntimeContainerStatus): boolean {
  if (isSidecar(container) || hasSucceeded(status)) return false;
  const hasEnded = status.state === 'exited' || status.state === 'unknown';
  return hasEnded && !mayRestart(pod, container, status);
}
