/** A token and when this node got it. */
export interface HeldToken {
  readonly value: string;
  /** Milliseconds since the epoch, by this node's clock. */
  readonly receivedAt: number;
  /** Of its life, from `receivedAt` on. */
  readonly lifeMs: number;
}

/** The oldest that a token gets, however long it is valid (`maxTTL`). */
const maxAgeMs = 24 * 60 * 60 * 1000;
/** Spreads the requests of pods that started together (`maxJitter`). */
const maxJitterMs = 10_000;
/** A server that is away, or refuses, is not asked at every sync of a pod. */
const retryMs = 30_000;

/**
 * When a token is to be replaced: when four fifths of its life or a day are over, up to ten seconds earlier (`requiresRefresh`,
 * pkg/kubelet/token/token_manager.go). All by this node's clock: that of the server may differ.
 *
 * @param random from 0 up to 1
 */
export function refreshAt({ receivedAt, lifeMs }: HeldToken, random: number): number {
  return receivedAt + Math.min(maxAgeMs, lifeMs * 0.8) - random * maxJitterMs;
}

/** A token from the future is due too: the clock was set back since then, and its age is unknown. */
export function isDue({ receivedAt }: HeldToken, dueAt: number, now: number): boolean {
  return now >= dueAt || now < receivedAt;
}

/** The token of a failed request. One from the future counts from now on, so that it is not due again at once. */
export function keptFrom(held: HeldToken, now: number): HeldToken {
  return { ...held, receivedAt: Math.min(held.receivedAt, now) };
}

export function retryAt(now: number, random: number): number {
  return now + retryMs + random * maxJitterMs;
}

export function isExpired({ receivedAt, lifeMs }: HeldToken, now: number): boolean {
  return now >= receivedAt + lifeMs;
}
