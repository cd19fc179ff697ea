import type { ApiClient, ApiObject } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import type { ApiCheckpoint } from './api-checkpoint.ts';
import { API_SOURCE } from './api-pod.ts';
import { type ApiPod, createPodsHandler, followApiPods } from './api-pods.ts';
import { createReferencedObjects } from './api-references.ts';
import type { SourceLog } from './log.ts';
import type { SourceSnapshot } from './types.ts';

export interface ApiSourceOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: SourceLog;
  readonly checkpoint: ApiCheckpoint;
  readonly onSnapshot: (snapshot: SourceSnapshot) => void;
  /** Each object of this node's pods as the server has it, mirror pods too; and what it does not have any more. */
  readonly onSeen: (object: ApiObject, isListed: boolean) => void;
  readonly onGone: (object: ApiObject) => void;
  /** The server has answered, or was lost. */
  readonly onContact: (error: unknown) => void;
}

/** A pod is handed over without all that it names when that cannot be had for so long: it then says what it lacks. */
const patienceMs = 10_000;
/** A server that has not listed the pods for so long after the start is taken to be away. */
const absentAfterMs = 3_000;

/**
 * The pods that an API server binds to this node, and what they name, until `signal` is aborted. A pod is handed over when what it
 * names was looked for, so that no pod fails for an object that was not read yet. A server that is away at the start is stood in
 * for by what a former daemon kept.
 */
export async function followApiServer(options: ApiSourceOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, log, checkpoint, onSnapshot, onSeen, onGone, onContact } = options;
  const former = await checkpoint.load();
  let pods: readonly ApiPod[] | undefined;
  let isListed = false;
  let isWhole = false;
  const arrived = new Set<string>();
  const ready = new Set<string>();
  const referenced = createReferencedObjects({ client, clock, log }, () => publish());
  referenced.restore(former.objects);

  const isReady = ({ pod }: ApiPod): boolean => {
    const { uid } = pod.metadata;
    // What a former daemon had is all that there is as long as the server is away.
    if (!isListed || referenced.isKnown(pod)) ready.add(uid);
    return ready.has(uid);
  };
  const publish = (): void => {
    if (pods === undefined) return;
    referenced.watch(pods.map(({ pod }) => pod));
    const handedOver = pods.filter(isReady);
    isWhole ||= isListed && handedOver.length === pods.length;
    const objects = referenced.objects();
    if (isWhole) checkpoint.put({ pods: handedOver.map(({ object }) => object), objects });
    onSnapshot({
      source: API_SOURCE,
      pods: handedOver,
      objects: objects.map((object) => ({ object, source: API_SOURCE, origin: API_SOURCE })),
      problems: [],
      partial: !isWhole,
    });
  };
  const giveUpWaiting = (uid: string): void => {
    if (arrived.has(uid)) ready.add(uid);
    publish();
  };
  const onPods = (next: readonly ApiPod[]): void => {
    const uids = new Set(next.map(({ pod }) => pod.metadata.uid));
    for (const uid of arrived) {
      if (uids.has(uid)) continue;
      arrived.delete(uid);
      ready.delete(uid);
    }
    for (const uid of uids) {
      if (arrived.has(uid)) continue;
      arrived.add(uid);
      void clock.sleep(patienceMs, signal).then(
        () => giveUpWaiting(uid),
        () => undefined,
      );
    }
    pods = next;
    publish();
  };

  const handler = createPodsHandler({ clock, onPods, onSeen, onGone, onLost: onContact });
  const heard = {
    ...handler,
    listed: (items: readonly ApiObject[]): void => {
      isListed = true;
      onContact(undefined);
      handler.listed(items);
    },
  };
  const standIn = async (): Promise<void> => {
    await clock.sleep(absentAfterMs, signal);
    if (isListed) return;
    log.info({ pods: former.pods.length }, 'pods run as the API server last wanted them');
    handler.restore(former.pods);
  };
  void standIn().catch(() => undefined); // Rejects at the end of the daemon only.
  const keeping = checkpoint.run(signal);
  try {
    await followApiPods({ client, nodeName: options.nodeName, handler: heard }, signal);
  } finally {
    await Promise.all([referenced.stop(), keeping]);
  }
}
