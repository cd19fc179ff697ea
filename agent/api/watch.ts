import type { Clock } from '../clock.ts';
import { watchCall } from './calls.ts';
import { ApiStatusError, ApiUnavailableError } from './errors.ts';
import { isStatus } from './failure.ts';
import { splitLines } from './lines.ts';
import type { Call, Transport } from './transport.ts';
import type { ApiObject, FollowHandler, Resource, Selection } from './types.ts';

/** From 1.20 on a server sends a bookmark about every minute to a watch that asks for them; so long none is silence. */
export const silenceMs = 180_000;

export interface WatchOptions<T extends ApiObject> {
  readonly resource: Resource;
  readonly selection: Selection;
  readonly resourceVersion: string;
  /** After which the server is to end the watch. */
  readonly timeoutSeconds: number;
  readonly handler: Pick<FollowHandler<T>, 'applied' | 'deleted'>;
  /** The server has accepted the watch. */
  readonly opened: () => void;
  /** Of an event that was handled, or of a bookmark. */
  readonly seen: (resourceVersion: string) => void;
}

interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

/**
 * One watch, until the server ends it properly.
 *
 * @throws ApiStatusError also for what the server says within the watch
 * @throws ApiUnavailableError when the watch broke off or fell silent
 */
export async function watchOnce<T extends ApiObject>(
  transport: Pick<Transport, 'stream'>,
  clock: Pick<Clock, 'sleep'>,
  options: WatchOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  const call = watchCall(options.resource, options.selection, options);
  const life = new WatchLife(call, clock, options.timeoutSeconds * 1000, signal);
  const opened = (): void => {
    life.begin();
    options.opened();
  };
  try {
    for await (const line of splitLines(life.observed(transport.stream(call, opened, life.signal)))) {
      handleEvent(readEvent(call, line), call, options, life);
      signal.throwIfAborted(); // The handler may have ended the watch.
    }
  } finally {
    await life.end();
  }
}

function handleEvent<T extends ApiObject>(
  { type, object }: WatchEvent,
  call: Call,
  { handler, seen }: WatchOptions<T>,
  life: WatchLife,
): void {
  if (type === 'ERROR') throw errorOf(call, object);
  if (!isApiObject(object)) throw broken(call, `an event ${type} without an object`);
  if (type === 'ADDED' || type === 'MODIFIED') handler.applied(object as T);
  else if (type === 'DELETED') handler.deleted(object as T);
  else if (type === 'BOOKMARK') life.expectBookmarks();
  else throw broken(call, `an unknown event ${type}`);
  if (object.metadata.resourceVersion) seen(object.metadata.resourceVersion);
}

function readEvent(call: Call, line: string): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw broken(call, 'a line that is no JSON', error);
  }
  if (typeof event === 'object' && event !== null && 'type' in event && typeof event.type === 'string')
    return { type: event.type, object: 'object' in event ? event.object : undefined };
  throw broken(call, 'a line that is no event');
}

function isApiObject(value: unknown): value is ApiObject {
  if (typeof value !== 'object' || value === null || !('metadata' in value)) return false;
  return typeof value.metadata === 'object' && value.metadata !== null;
}

function errorOf(call: Call, object: unknown): Error {
  const status = isStatus(object) ? object : {};
  return new ApiStatusError(call.what, status.code ?? 500, { message: 'the server ended the watch', ...status });
}

function broken(call: Call, what: string, cause?: unknown): Error {
  return new ApiUnavailableError(`${call.what}: the server sent ${what}`, { cause });
}

/**
 * Ends a watch that is silent for longer than a server that lives is: the time between bookmarks when this watch has had
 * one or has no answer yet, else its whole time (a server of 1.20 sends none for a kind of which nothing ever changed). The kernel's keep-alive
 * finds a cut connection sooner; this finds the cut behind a proxy.
 */
class WatchLife {
  readonly #controller = new AbortController();
  readonly #what: string;
  readonly #outer: AbortSignal;
  readonly #done: Promise<void>;
  readonly #abort = (): void => this.#controller.abort(this.#outer.reason);
  #heard = false;
  #answered = false;
  #bookmarked = false;

  constructor({ what }: Call, clock: Pick<Clock, 'sleep'>, timeoutMs: number, outer: AbortSignal) {
    this.#what = what;
    this.#outer = outer;
    if (outer.aborted) this.#abort();
    outer.addEventListener('abort', this.#abort, { once: true });
    this.#done = this.#guard(clock, timeoutMs).catch(() => undefined); // Ended by `end`.
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The same chunks; each is a sign of life. */
  async *observed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      this.#heard = true;
      yield chunk;
    }
  }

  /** The server has answered. */
  begin(): void {
    this.#answered = true;
  }

  expectBookmarks(): void {
    this.#bookmarked = true;
  }

  async end(): Promise<void> {
    this.#outer.removeEventListener('abort', this.#abort);
    this.#controller.abort();
    await this.#done;
  }

  async #guard(clock: Pick<Clock, 'sleep'>, timeoutMs: number): Promise<void> {
    const allowedMs = (): number => (this.#answered && !this.#bookmarked ? timeoutMs : 0);
    for (let silentMs = 0; silentMs <= allowedMs(); silentMs = this.#heard ? 0 : silentMs + silenceMs) {
      this.#heard = false;
      await clock.sleep(silenceMs, this.#controller.signal);
    }
    this.#controller.abort(new ApiUnavailableError(`${this.#what}: the server fell silent`));
  }
}
