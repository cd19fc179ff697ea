import type { Clock } from '../clock.ts';
import { type Round, uncounted } from '../round.ts';
import { createCall, deleteCall, getCall, patchCall, replaceCall } from './calls.ts';
import { kubeconfigReader, type ReadConnection } from './connection.ts';
import { Discovery } from './discovery.ts';
import { ApiUnavailableError } from './errors.ts';
import { follow } from './follow.ts';
import { Links, type LinksOptions } from './links.ts';
import { listAll } from './list.ts';
import { type Call, type OnRequest, Transport } from './transport.ts';
import type { ApiClient } from './types.ts';

export interface ApiClientOptions {
  /**
   * Path of a kubeconfig, or what gives the credentials as they are now; asked at the first call, then at most once a minute
   * and when the server refuses the ones in use.
   */
  readonly connection: string | ReadConnection;
  readonly clock: Clock;
  readonly log: LinksOptions['log'];
  /** As `podwright/0.1.0 (linux/amd64)`. */
  readonly userAgent: string;
  /** Of a call; default 10 s. */
  readonly timeoutMs?: number;
  /** Of a page of a list; default 60 s. */
  readonly listTimeoutMs?: number;
  /** From 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
  /** Counts a list or a watch of a collection that is followed. */
  readonly round?: Round;
  readonly onRequest?: OnRequest;
}

/** The owner's side of an API client. */
export interface OwnedApiClient extends ApiClient {
  /**
   * Reads the credentials now, e.g. after the client certificate was renewed. Running calls keep the old ones.
   *
   * @throws Error when there never were any that can be used
   */
  reload(): Promise<void>;
  /** Ends all connections; calls that run fail. */
  close(): Promise<void>;
}

/** An API client; it connects, and reads its credentials, at the first call. */
export function createApiClient(options: ApiClientOptions): OwnedApiClient {
  const { connection, clock, log, userAgent, timeoutMs = 10_000, listTimeoutMs = 60_000, round = uncounted } = options;
  const read = typeof connection === 'string' ? kubeconfigReader(connection) : connection;
  const links = new Links({ connection: read, clock, log });
  const transport = new Transport({ links, userAgent, onLost: () => discovery.forget(), onRequest: options.onRequest });
  const jsonWithin = (ms: number) => {
    return async <T>(call: Call, signal: AbortSignal): Promise<T> =>
      parse(call, await transport.text(call, ms, signal)) as T;
  };
  const json = jsonWithin(timeoutMs);
  const readList = jsonWithin(listTimeoutMs);
  const discovery = new Discovery(json);
  return {
    get: async (resource, path, signal) => json(getCall(resource, path), signal),
    list: async (resource, selection, signal) => listAll(readList, resource, selection, undefined, signal),
    create: async (resource, path, body, signal) => json(createCall(resource, path, body), signal),
    replace: async (resource, path, body, signal) => json(replaceCall(resource, path, body), signal),
    patch: async (resource, path, patch, signal) => json(patchCall(resource, path, patch), signal),
    delete: async (resource, path, deletion, signal) => {
      await transport.text(deleteCall(resource, path, deletion), timeoutMs, signal);
    },
    follow: async (resource, selection, handler, signal) =>
      follow(
        { transport, readList, clock, round, random: options.random ?? Math.random },
        resource,
        selection,
        handler,
        signal,
      ),
    serves: async (groupVersion, plural, signal) => discovery.serves(groupVersion, plural, signal),
    raw: async (path, signal) => transport.text({ what: `get ${path}`, method: 'GET', path }, timeoutMs, signal),
    reload: async () => {
      await links.reload();
    },
    close: async () => links.close(),
  };
}

function parse({ what }: Call, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiUnavailableError(`${what}: the answer is no JSON`, { cause: error });
  }
}
