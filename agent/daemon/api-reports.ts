import type { ApiClient } from '../api/index.ts';
import { systemClock } from '../clock.ts';
import { createEventSink, type EventSink } from '../events/api-sink.ts';
import { CONFIG_HASH } from '../objects/static-pod.ts';
import { podKey } from '../objects/types.ts';
import type { PodManager } from '../pods/manager-types.ts';
import { FILE_SOURCE, type SourcedPod } from '../sources/index.ts';
import { createMirrorPods, type MirrorPods } from '../status/mirror.ts';
import type { Foundation } from './foundation.ts';

/** The kubelet's defaults of `eventRecordQPS` and `eventBurst`. */
const defaultPerSecond = 50;
const defaultBurst = 100;

/** Brings the events of this node to its cluster. */
export function createNodeEventSink(
  { config, events, store, log, counters }: Foundation,
  client: ApiClient,
): EventSink {
  const { eventRecordQPS, eventBurst } = config.kubelet;
  return createEventSink({
    ...{ client, events, log, clock: systemClock, round: counters.loops.round('events') },
    perSecond: eventRecordQPS ?? defaultPerSecond,
    burst: Math.max(1, eventBurst ?? defaultBurst),
    // Of a static pod with a UID of its own kubectl only knows the hash.
    uidOf: ({ uid }) => staticHash(store.pod(uid)) ?? uid,
  });
}

/** Shows the static pods of this node in its cluster. To be made after the pod manager: it hears of a change first. */
export function createNodeMirrorPods(
  { config, store, events, log, counters }: Foundation,
  client: ApiClient,
  parts: { readonly manager: Pick<PodManager, 'pods'>; readonly nodeUid: () => string | undefined },
): MirrorPods {
  return createMirrorPods({
    ...{ client, store, events, log, round: counters.loops.round('mirror-pods') },
    nodeName: config.nodeName,
    nodeUid: parts.nodeUid,
    isEnding: (key) => parts.manager.pods().some(({ pod, terminating }) => terminating && podKey(pod) === key),
  });
}

function staticHash(sourced: SourcedPod | undefined): string | undefined {
  return sourced?.source === FILE_SOURCE ? sourced.pod.metadata.annotations[CONFIG_HASH] : undefined;
}
