import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Answer } from './answer.ts';

const type = 'application/json';

export function send(response: ServerResponse, { code, body }: Answer): void {
  response.writeHead(code, { 'content-type': type });
  response.end(JSON.stringify(body));
}

/** Answers a request for an upgrade that is not granted: there is no response object for one. */
export function sendRaw(socket: Duplex, { code, body }: Answer): void {
  const text = JSON.stringify(body);
  const head = [`HTTP/1.1 ${code} `, `content-type: ${type}`, `content-length: ${Buffer.byteLength(text)}`];
  socket.end(`${[...head, 'connection: close'].join('\r\n')}\r\n\r\n${text}`);
}
