import type { Dispatcher } from 'undici';
import { withDeadline } from '../deadline.ts';
import { ApiStatusError } from './errors.ts';
import { isOutdatedLink, refused, unavailable } from './failure.ts';
import type { Link } from './link.ts';
import type { Links } from './links.ts';
import { type Query, withQuery } from './paths.ts';

/** One request. */
export interface Call {
  /** For errors, e.g. `patch pods default/web status`. */
  readonly what: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  readonly body?: { readonly type: string; readonly text: string };
}

export interface TransportOptions {
  readonly links: Links;
  readonly userAgent: string;
  /** The server could not be reached, did not answer, or broke an answer off. */
  readonly onLost: () => void;
}

/**
 * HTTP with the API server. All methods throw {@link ApiStatusError} when it refused, `ApiUnavailableError` when it did not
 * answer, and the signal's reason when that is aborted.
 */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The text of a successful answer that is complete within `timeoutMs`. */
  async text(call: Call, timeoutMs: number, signal: AbortSignal): Promise<string> {
    try {
      return await withDeadline(call.what, timeoutMs, signal, async (inner) => {
        const { body } = await this.#send(call, inner);
        return await body.text();
      });
    } catch (error) {
      throw this.#failure(call, error, signal);
    }
  }

  /**
   * The body of a successful answer as it comes, in any pieces. Ends when the server ends it properly.
   *
   * @param opened called once, when the answer has begun
   */
  async *stream(call: Call, opened: () => void, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      const { body } = await this.#send(call, signal);
      opened();
      for await (const chunk of body) yield chunk as Uint8Array;
    } catch (error) {
      throw this.#failure(call, error, signal);
    }
  }

  /** What callers are told: errors of the network become one kind. */
  #failure(call: Call, error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof ApiStatusError) return error;
    this.#options.onLost();
    return unavailable(call.what, error);
  }

  /** Sends a call; once more when the credentials were not accepted and there are others by now. */
  async #send(call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { links, userAgent } = this.#options;
    const link = await links.current();
    let refusal: unknown;
    try {
      return await request(link, call, userAgent, signal);
    } catch (error) {
      if (signal.aborted || !isOutdatedLink(error)) throw error;
      refusal = error;
    }
    const other = await links.other(link);
    if (other === undefined) throw refusal;
    return request(other, call, userAgent, signal);
  }
}

async function request(
  link: Link,
  call: Call,
  userAgent: string,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const { agent, origin, prefix, connection } = link;
  const response = await agent.request({
    origin,
    path: withQuery(prefix + call.path, call.query ?? {}),
    method: call.method,
    headers: {
      accept: 'application/json',
      'user-agent': userAgent,
      ...(connection.token === undefined ? {} : { authorization: `Bearer ${connection.token}` }),
      ...(call.body === undefined ? {} : { 'content-type': call.body.type }),
    },
    body: call.body?.text ?? null,
    signal,
  });
  const { statusCode, headers, body } = response;
  if (statusCode >= 200 && statusCode < 300) return response;
  throw refused(call.what, statusCode, await body.text(), headers['retry-after']);
}
