import type { PodDeps } from '../pods/deps.ts';
import { annotation } from '../pods/annotations.ts';
import { endPod } from '../pods/end.ts';
import type { RuntimePod, RuntimePodSummary } from '../runtime/types.ts';

/** Ends a pod in order, and removes all that it had. What is gone already is no error. */
export async function resetPod(
  deps: PodDeps,
  { pod }: RuntimePodSummary,
  graceSeconds: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const observed = await deps.runtime.podStatus(pod.uid, signal);
  await endPod(deps, pod, undefined, withGrace(observed, graceSeconds), signal);
}

/** Without a manifest the grace period of a pod is the one that its containers carry. */
function withGrace(observed: RuntimePod, seconds: number | undefined): RuntimePod {
  if (seconds === undefined) return observed;
  const asked = { [annotation.terminationGracePeriod]: `${seconds}` };
  return {
    ...observed,
    containers: observed.containers.map((one) => ({ ...one, annotations: { ...one.annotations, ...asked } })),
    sandboxes: observed.sandboxes.map((one) => ({ ...one, annotations: { ...one.annotations, ...asked } })),
  };
}

/** `default/web (2 containers, running)`, for the question. */
export function describePod({ pod, containers, sandboxes }: RuntimePodSummary): string {
  const isRunning = [...containers, ...sandboxes].some(({ running }) => running);
  const count = `${containers.length} container${containers.length === 1 ? '' : 's'}`;
  return `${pod.namespace}/${pod.name} (${count}, ${isRunning ? 'running' : 'ended'})`;
}
