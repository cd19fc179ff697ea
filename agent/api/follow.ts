import type { Clock } from '../clock.ts';
import { type Round, uncounted } from '../round.ts';
import { ApiStatusError, ApiUnavailableError } from './errors.ts';
import {
  endedAtOnce,
  FollowDelays,
  isVersionRefused,
  type Start,
  startAfterEnd,
  startAfterFailure,
} from './follow-plan.ts';
import { listAll, type ReadJson } from './list.ts';
import type { Transport } from './transport.ts';
import type { ApiObject, FollowHandler, Resource, Selection } from './types.ts';
import { watchOnce } from './watch.ts';

const minWatchSeconds = 300;

export interface FollowDeps {
  readonly transport: Pick<Transport, 'stream'>;
  readonly readList: ReadJson;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Counts a list, or a watch. */
  readonly round?: Round;
}

/** See `ApiClient.follow`. */
export async function follow<T extends ApiObject>(
  deps: FollowDeps,
  resource: Resource,
  selection: Selection,
  handler: FollowHandler<T>,
  signal: AbortSignal,
): Promise<never> {
  const follower = new Follower(deps, resource, selection, handler);
  for (;;) await follower.step(signal);
}

/** Lists, watches and waits, one after the other. Handlers are called from here only, so never at the same time. */
class Follower<T extends ApiObject> {
  readonly #deps: FollowDeps;
  readonly #resource: Resource;
  readonly #selection: Selection;
  readonly #handler: FollowHandler<T>;
  readonly #delays: FollowDelays;
  #start: Start = { from: 'list', version: '0' };
  /** The last that was seen. */
  #version: string | undefined;
  #failures = 0;

  constructor(deps: FollowDeps, resource: Resource, selection: Selection, handler: FollowHandler<T>) {
    this.#deps = deps;
    this.#resource = resource;
    this.#selection = selection;
    this.#handler = handler;
    this.#delays = new FollowDelays(deps.random);
  }

  /** One list or watch; with a wait when it failed. Rejects only with the signal's reason. */
  async step(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const start = this.#start;
    try {
      this.#start = await (this.#deps.round ?? uncounted)(() =>
        start.from === 'list' ? this.#list(start.version, signal) : this.#watch(start, signal),
      );
    } catch (error) {
      signal.throwIfAborted();
      this.#start = startAfterFailure(start, this.#version, error);
      await this.#recover(start, error, signal);
    }
  }

  async #list(version: string | undefined, signal: AbortSignal): Promise<Start> {
    const { items, resourceVersion } = await listAll<T>(
      this.#deps.readList,
      this.#resource,
      this.#selection,
      version,
      signal,
    );
    signal.throwIfAborted();
    this.#failures = 0;
    this.#version = resourceVersion;
    this.#handler.listed(items);
    return { from: 'watch', version: resourceVersion };
  }

  async #watch({ version }: { readonly version: string }, signal: AbortSignal): Promise<Start> {
    const { transport, clock, random } = this.#deps;
    const startedAt = clock.now();
    let signs = 0;
    const options = {
      resource: this.#resource,
      selection: this.#selection,
      resourceVersion: version,
      // Ends are spread over five minutes, so that not all watches of all nodes come again at once.
      timeoutSeconds: Math.round(minWatchSeconds * (1 + random())),
      handler: this.#handler,
      opened: () => {
        this.#failures = 0;
      },
      seen: (seen: string) => {
        signs += 1;
        this.#version = seen;
      },
    };
    await watchOnce(transport, clock, options, signal);
    const end = { version: this.#version ?? version, signs, lastedMs: clock.now() - startedAt };
    if (endedAtOnce(end)) throw new ApiUnavailableError(`watch ${this.#resource.plural}: the server ended it at once`);
    return startAfterEnd(end);
  }

  /** A version that the server does not have is no loss of the server, and the list from the data base has no reason to wait. */
  async #recover(failed: Start, error: unknown, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    if (isVersionRefused(error)) {
      if (failed.from === 'list' && failed.version !== undefined) return;
    } else {
      this.#failures += 1;
      this.#handler.lost?.(error, this.#failures);
    }
    const asked = error instanceof ApiStatusError ? (error.retryAfterMs ?? 0) : 0;
    await clock.sleep(Math.max(this.#delays.next(clock.now()), asked), signal);
  }
}
