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
  /** A request has been answered, or has failed. */
  readonly onRequest?: OnRequest | undefined;
}

/** @param code of the answer; `<error>` for none, as client-go has it */
export type OnRequest = (request: {
  readonly code: string;
  readonly method: string;
  readonly host: string;
  readonly seconds: number;
}) => void;

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
    const { links } = this.#options;
    const link = await links.current();
    let refusal: unknown;
    try {
      return await this.#request(link, call, signal);
    } catch (error) {
      if (signal.aborted || !isOutdatedLink(error)) throw error;
      refusal = error;
    }
    const other = await links.other(link);
    if (other === undefined) throw refusal;
    return this.#request(other, call, signal);
  }

  async #request(link: Link, call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const begin = performance.now();
    let code = '<error>';
    try {
      const response = await send(link, call, this.#options.userAgent, signal);
      code = String(response.statusCode);
      return await accepted(call, response);
    } finally {
      const seconds = (performance.now() - begin) / 1_000;
      this.#options.onRequest?.({ code, method: call.method, host: new URL(link.origin).host, seconds });
    }
  }
}

async function send(link: Link, call: Call, userAgent: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  const { agent, origin, prefix, connection } = link;
  return agent.request({
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
}

/** @throws ApiStatusError */
async function accepted(call: Call, response: Dispatcher.ResponseData): Promise<Dispatcher.ResponseData> {
  const { statusCode, headers, body } = response;
  if (statusCode >= 200 && statusCode < 300) return response;
  throw refused(call.what, statusCode, await body.text(), headers['retry-after']);
}
