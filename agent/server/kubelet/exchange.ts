import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../../cni/index.ts';
import type { UpgradeRequest } from '../streaming/index.ts';

/** One request and the ways to answer it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of the path, decoded; undefined where the route has none of that name. */
  readonly parameters: Readonly<Record<string, string | undefined>>;
  readonly query: URLSearchParams;
  /** The connection, when the client asks for another protocol; `response` must not be used after `take`. */
  readonly upgrade: Upgrade | undefined;
  /** Aborted when the client has gone or the server stops. */
  readonly signal: AbortSignal;
}

export interface Upgrade {
  take(): UpgradeRequest;
}

/** An answer in words, as the kubelet gives most of them. */
export class TextError extends Error {
  override readonly name = 'TextError';
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
}

export function sendText(response: ServerResponse, code: number, text: string, headers: object = {}): void {
  response.writeHead(code, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(text);
}

export function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** Answers with what went wrong; an answer that has begun is cut off, so that nobody takes it for whole. */
export function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
  } else if (error instanceof TextError) {
    sendText(response, error.code, error.message, error.headers);
  } else {
    sendText(response, 500, messageOf(error));
  }
}

/** A response for a request for an upgrade, for as long as it is not granted: Node makes none. */
export function responseFor(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): { readonly response: ServerResponse; readonly upgrade: Upgrade } {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(request.socket);
  response.once('finish', () => socket.end());
  const take = (): UpgradeRequest => {
    response.detachSocket(request.socket);
    return { request, socket, head };
  };
  return { response, upgrade: { take } };
}
