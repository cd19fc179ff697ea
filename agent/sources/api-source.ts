import type { ApiClient, ApiObject } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import { API_SOURCE } from './api-pod.ts';
import { createPodsHandler, followApiPods } from './api-pods.ts';
import { createReferencedObjects } from './api-references.ts';
import type { SourcedPod, SourceSnapshot } from './types.ts';

export interface ApiSourceOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  readonly onSnapshot: (snapshot: SourceSnapshot) => void;
  /** Each object of this node's pods as the server has it, mirror pods too; and what it does not have any more. */
  readonly onSeen: (object: ApiObject) => void;
  readonly onGone: (object: ApiObject) => void;
}

/** A pod is handed over without all that it names when that cannot be had for so long: it then says what it lacks. */
const patienceMs = 10_000;

/**
 * The pods that an API server binds to this node, and what they name, until `signal` is aborted. A pod is handed over when what it
 * names was looked for, so that no pod fails for an object that was not read yet.
 */
export async function followApiServer(options: ApiSourceOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, log, onSnapshot } = options;
  let pods: readonly SourcedPod[] | undefined;
  const arrived = new Map<string, number>();
  const ready = new Set<string>();
  const referenced = createReferencedObjects(client, () => publish(), log);

  const isReady = ({ pod }: SourcedPod): boolean => {
    const { uid } = pod.metadata;
    if (!ready.has(uid) && (referenced.isKnown(pod) || clock.now() - (arrived.get(uid) ?? 0) >= patienceMs))
      ready.add(uid);
    return ready.has(uid);
  };
  const publish = (): void => {
    if (pods === undefined) return;
    referenced.watch(pods.map(({ pod }) => pod));
    const objects = referenced.objects().map((object) => ({ object, source: API_SOURCE, origin: API_SOURCE }));
    onSnapshot({ source: API_SOURCE, pods: pods.filter(isReady), objects, problems: [] });
  };
  const onPods = (next: readonly SourcedPod[]): void => {
    const uids = new Set(next.map(({ pod }) => pod.metadata.uid));
    for (const uid of arrived.keys()) {
      if (uids.has(uid)) continue;
      arrived.delete(uid);
      ready.delete(uid);
    }
    for (const uid of uids) {
      if (arrived.has(uid)) continue;
      arrived.set(uid, clock.now());
      void clock.sleep(patienceMs, signal).then(publish, () => undefined);
    }
    pods = next;
    publish();
  };
  const onLost = (error: unknown, failures: number): void => {
    if (failures === 1) log.warn({ err: error }, 'the API server is away; pods go on running');
  };
  try {
    const { onSeen, onGone } = options;
    await followApiPods({ ...options, handler: createPodsHandler({ clock, onPods, onSeen, onGone, onLost }) }, signal);
  } finally {
    await referenced.stop();
  }
}
