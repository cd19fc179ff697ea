import type { ApiClient } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import type { Pod } from '../objects/types.ts';
import { type Round, uncounted } from '../round.ts';
import { createWakeup } from '../wakeup.ts';
import type { TokenRequest } from '../volumes/content.ts';
import { type HeldToken, isDue, isExpired, keptFrom, refreshAt, retryAt } from './refresh-plan.ts';
import { requestToken } from './request.ts';

/** Tokens of service accounts for the pods of this node, each for one pod alone. They are held in memory only. */
export interface TokenManager {
  /**
   * A token that holds: the one that is held, or a new one when it is due. One that cannot be replaced is kept as long as it is
   * valid.
   *
   * @throws when there is none and none is granted
   */
  token(pod: Pod, request: TokenRequest, signal: AbortSignal): Promise<string>;
  /** The pod is gone. */
  forget(uid: string): void;
  /**
   * Tells which pods are to ask again for their tokens, each time that one is due, until `signal` is aborted.
   *
   * @param onDue with the UID of the pod
   */
  run(onDue: (uid: string) => void, signal: AbortSignal): Promise<void>;
}

export interface TokenManagerOptions {
  readonly client: Pick<ApiClient, 'create'>;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
  /** From 0 up to 1; `Math.random` by default. */
  readonly random?: () => number;
  /** Counts a request. */
  readonly round?: Round;
}

/** By the UID of the pod, then by what was asked for. */
type Entries = ReadonlyMap<string, ReadonlyMap<string, Entry>>;

interface Entry {
  readonly held: HeldToken;
  /** Before this time the server is not asked again. */
  readonly dueAt: number;
  /** The pod has been told of `dueAt`. */
  isTold: boolean;
}

/** The longest that a timer of Node's takes. */
const maxTimerMs = 2 ** 31 - 1;

/** As the kubelet's token manager (pkg/kubelet/token/token_manager.go), with one timer for all tokens instead of a look at each sync. */
export function createTokenManager(options: TokenManagerOptions): TokenManager {
  const { client, clock, log, random = Math.random, round = uncounted } = options;
  const pods = new Map<string, Map<string, Entry>>();
  const wakeup = createWakeup(clock);

  const put = (uid: string, key: string, held: HeldToken, dueAt: number): void => {
    const entries = pods.get(uid) ?? new Map<string, Entry>();
    pods.set(uid, entries.set(key, { held, dueAt, isTold: false }));
    wakeup.wake();
  };
  const request = async (pod: Pod, asked: TokenRequest, key: string, signal: AbortSignal): Promise<string> => {
    const receivedAt = clock.now();
    const { value, lifeMs } = await round(() => requestToken(client, pod, asked, signal));
    signal.throwIfAborted();
    const held = { value, lifeMs, receivedAt };
    put(pod.metadata.uid, key, held, refreshAt(held, random()));
    return value;
  };

  return {
    token: async (pod, asked, signal) => {
      const { uid, name, namespace } = pod.metadata;
      const key = JSON.stringify([namespace, pod.spec.serviceAccountName, asked.audience, asked.expirationSeconds]);
      const entry = pods.get(uid)?.get(key);
      if (entry === undefined) return await request(pod, asked, key, signal);
      const hasExpired = isExpired(entry.held, clock.now());
      if (!hasExpired && !isDue(entry.held, entry.dueAt, clock.now())) return entry.held.value;
      try {
        return await request(pod, asked, key, signal);
      } catch (error) {
        signal.throwIfAborted();
        put(uid, key, keptFrom(entry.held, clock.now()), retryAt(clock.now(), random()));
        if (hasExpired) throw error;
        log.warn({ pod: name, namespace, err: error }, 'a token cannot be renewed; the pod keeps the one that it has');
        return entry.held.value;
      }
    },
    forget: (uid) => void pods.delete(uid),
    run: async (onDue, signal) => {
      for (;;) {
        const now = clock.now();
        for (const uid of takeDue(pods, now)) onDue(uid);
        await wakeup.sleep(Math.min(maxTimerMs, nextDue(pods) - now), signal);
      }
    },
  };
}

/** UIDs of the pods with a token that is due and that they were not told of. */
function takeDue(pods: Entries, now: number): readonly string[] {
  return [...pods].flatMap(([uid, entries]) => {
    const due = [...entries.values()].filter(({ isTold, held, dueAt }) => !isTold && isDue(held, dueAt, now));
    for (const entry of due) entry.isTold = true;
    return due.length === 0 ? [] : [uid];
  });
}

function nextDue(pods: Entries): number {
  const open = [...pods.values()].flatMap((entries) => [...entries.values()].filter(({ isTold }) => !isTold));
  return Math.min(...open.map(({ dueAt }) => dueAt));
}
