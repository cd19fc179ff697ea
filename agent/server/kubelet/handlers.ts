import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Access } from './access.ts';
import { responseFor, sendError, TextError, type Upgrade } from './exchange.ts';
import type { Finder } from './router.ts';

export interface Handlers {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Ends all answers that are under way and waits for their end. */
  readonly stop: () => Promise<void>;
}

/**
 * Lets requests in and gives them to their routes. Who may not come in does not learn which routes there are. A failure of
 * what makes an answer is a 500 and never ends the daemon.
 */
export function createHandlers(find: Finder, access: Access): Handlers {
  const stopping = new AbortController();
  const answers = new Set<Promise<void>>();
  const answer = (request: IncomingMessage, response: ServerResponse, upgrade: Upgrade | undefined): void => {
    request.on('error', () => undefined).resume(); // Nothing here reads a body.
    response.on('error', () => undefined); // Who writes is told by the write.
    const kept = respond({ find, access, request, response, upgrade }, stopping.signal)
      .catch((error: unknown) => sendError(response, error))
      .finally(() => answers.delete(kept));
    answers.add(kept);
  };
  return {
    request: (request, response) => answer(request, response, undefined),
    upgrade: (request, socket, head) => {
      socket.on('error', () => undefined);
      const { response, upgrade } = responseFor(request, socket, head);
      answer(request, response, upgrade);
    },
    stop: async () => {
      stopping.abort(new Error('the daemon stops'));
      await Promise.all(answers);
    },
  };
}

interface Respond {
  readonly find: Finder;
  readonly access: Access;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade: Upgrade | undefined;
}

async function respond(parts: Respond, stopping: AbortSignal): Promise<void> {
  const { request, response, upgrade } = parts;
  const gone = new AbortController();
  const leave = (): void => gone.abort(new Error('the client has gone'));
  request.socket.once('close', leave);
  response.once('close', leave);
  stopping.addEventListener('abort', leave, { once: true });
  try {
    const { path, query } = parseTarget(request.url ?? '');
    await parts.access.check(request, path, gone.signal);
    const { handle, parameters } = parts.find(request.method ?? '', path);
    await handle({ request, response, parameters, query, upgrade, signal: gone.signal });
  } finally {
    request.socket.off('close', leave);
    response.off('close', leave);
    stopping.removeEventListener('abort', leave);
  }
}

/**
 * The path as it is routed, and as access to it is decided: nothing in it is resolved or decoded in between.
 *
 * @throws TextError 400
 */
function parseTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  if (!target.startsWith('/')) throw new TextError(400, 'the request target is no path');
  const [beforeFragment = ''] = target.split('#');
  const end = beforeFragment.indexOf('?');
  const path = end === -1 ? beforeFragment : beforeFragment.slice(0, end);
  return { path, query: new URLSearchParams(end === -1 ? '' : beforeFragment.slice(end + 1)) };
}
