import type { EventRecorder, ObjectReference } from '../events/types.ts';
import { containerPath } from '../objects/container-path.ts';
import type { Pod } from '../objects/types.ts';
import type { Worker } from './container-probes.ts';
import { eventMessage } from './render.ts';
import type { Outcome } from './types.ts';

/** Reasons as in `pkg/kubelet/events/event.go`: `ContainerUnhealthy` and `ContainerProbeWarning`. */
const unhealthy = 'Unhealthy';
const probeWarning = 'ProbeWarning';

/** Tells about every run that did not go well; the recorder counts repetitions. */
export function recordOutcome(events: EventRecorder, { container, kind }: Worker, outcome: Outcome): void {
  if (outcome.result === 'success') return;
  const reason = outcome.result === 'warning' ? probeWarning : unhealthy;
  const object = containerPart(container.pod, container.name);
  events.event(object, 'Warning', reason, eventMessage[outcome.result](kind, outcome.message));
}

function containerPart(pod: Pod, container: string): ObjectReference {
  const { namespace, name, uid } = pod.metadata;
  return { kind: 'Pod', namespace, name, uid, fieldPath: containerPath(pod, container) };
}
