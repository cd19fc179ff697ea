import { joinHostPort } from './render.ts';
import type { HttpHeader, HttpTarget } from './types.ts';

/** `token` of RFC 9110, section 5.6.2. */
const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const forbiddenInValue = /[\0\r\n]/;

/**
 * A GET request as it goes on the wire, in latin1 as HTTP has it:
 *
 *   GET /healthz HTTP/1.1
 *   Host: 192.0.2.7:8080          the probe's own `Host` when it has one
 *   User-Agent: kube-probe/1.34   ... the headers of the probe, in order
 *   Connection: close
 *
 * @throws Error when a header cannot be sent
 */
export function renderRequest({ host, port, path }: HttpTarget, headers: readonly HttpHeader[]): string {
  const ownHost = headers.find(isHost)?.[1];
  const first: HttpHeader = ['Host', ownHost === undefined || ownHost === '' ? joinHostPort(host, port) : ownHost];
  const fields = [first, ...headers.filter((header) => !isHost(header) && !isConnection(header))];
  return `GET ${path} HTTP/1.1\r\n${fields.map(renderField).join('')}Connection: close\r\n\r\n`;
}

function renderField([name, value]: HttpHeader): string {
  if (!fieldName.test(name) || forbiddenInValue.test(value)) {
    throw new Error(`the header ${JSON.stringify(name)} of the probe has characters that HTTP does not allow`);
  }
  return `${name}: ${Buffer.from(value).toString('latin1')}\r\n`;
}

function isHost([name]: HttpHeader): boolean {
  return name.toLowerCase() === 'host';
}

function isConnection([name]: HttpHeader): boolean {
  return name.toLowerCase() === 'connection';
}
