import { ApiStatusError, isGone } from './errors.ts';

/** How a follower goes on. */
export type Start =
  /** `version`: at least so new; `0`: whatever the server has in memory; undefined: the newest, from the data base. */
  | { readonly from: 'list'; readonly version: string | undefined }
  | { readonly from: 'watch'; readonly version: string };

/** What became of a watch that the server ended properly. */
export interface WatchEnd {
  /** The last that was seen. */
  readonly version: string;
  /** Events and bookmarks. */
  readonly signs: number;
  readonly lastedMs: number;
}

/** A watch that ends sooner and without an event was no watch (`client-go/tools/cache/reflector.go`). */
const shortestWatchMs = 1_000;

/**
 * After a proper end the next watch continues. Only one that had nothing to tell for its whole time is followed by a list: on
 * a server that was set back to an older state, a watch from the future is silent until the future is reached.
 */
export function startAfterEnd({ version, signs }: WatchEnd): Start {
  return signs > 0 ? { from: 'watch', version } : { from: 'list', version };
}

/** Whether a watch ended too soon to be taken for good. */
export function endedAtOnce({ signs, lastedMs }: WatchEnd): boolean {
  return signs === 0 && lastedMs < shortestWatchMs;
}

/**
 * After a failed list or watch. What was seen last is the least that the next list must have; only when the server does not
 * have that (any more, or yet: its data were set back) does the list go to the data base.
 */
export function startAfterFailure(start: Start, version: string | undefined, error: unknown): Start {
  if (start.from === 'list') return isVersionRefused(error) ? { from: 'list', version: undefined } : start;
  if (isTooMany(error) && version !== undefined) return { from: 'watch', version };
  return { from: 'list', version };
}

/** Whether a failure only says that the version is too old or too new: the server is well. */
export function isVersionRefused(error: unknown): boolean {
  return isGone(error) || isTooLargeVersion(error);
}

/** `apierrors.IsTooLargeResourceVersion`, and the message of servers that send no cause (`reflector.go`). */
function isTooLargeVersion(error: unknown): boolean {
  if (!(error instanceof ApiStatusError) || error.reason !== 'Timeout') return false;
  return error.message.includes('Too large resource version') || causesOf(error).includes('ResourceVersionTooLarge');
}

function causesOf({ details }: ApiStatusError): readonly unknown[] {
  const { causes } = (details ?? {}) as { readonly causes?: unknown };
  return Array.isArray(causes) ? causes.map((cause: { readonly reason?: unknown } | null) => cause?.reason) : [];
}

function isTooMany(error: unknown): boolean {
  return error instanceof ApiStatusError && error.code === 429;
}

const firstDelayMs = 800;
/** Before the jitter, which at most doubles it. */
const maxDelayMs = 15_000;
const resetAfterMs = 120_000;

/**
 * Waits between attempts, as the reflector's (`NewReflector`: 800 ms doubling to 30 s, each up to twice as long by chance,
 * from the start again after two quiet minutes), save that no wait is longer than 30 s.
 */
export class FollowDelays {
  readonly #random: () => number;
  #attempts = 0;
  #lastAt = 0;

  /** @param random from 0 to below 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds to wait after a failure at `now`. */
  next(now: number): number {
    if (Math.abs(now - this.#lastAt) > resetAfterMs) this.#attempts = 0;
    const delay = Math.min(maxDelayMs, firstDelayMs * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#lastAt = now;
    return delay * (1 + this.#random());
  }
}
