import { type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { withDeadline } from '../deadline.ts';

export interface HttpsAnswer {
  readonly status: number;
  readonly body: string;
  /** The server's clock, milliseconds since the epoch; undefined when it does not say. */
  readonly date: number | undefined;
}

/** Whom to believe to be the server: those whom a CA (PEM) vouches for, those of the system's CAs, or anybody. */
export type Trust = { readonly ca: string } | 'system' | 'anybody';

/** GET over HTTPS, without redirects; rejects with the error of node:tls or node:net. */
export type HttpsGet = (url: string, trust: Trust, signal: AbortSignal) => Promise<HttpsAnswer>;

const timeoutMs = 10_000;
/** A cluster-info with a bundle of CAs is some 20 KB. */
const maxBodyBytes = 1024 * 1024;

/** {@link HttpsGet} on the real network. Each call connects anew: the certificate is looked at each time. */
export const httpsGet: HttpsGet = async (url, trust, signal) =>
  withDeadline(`GET ${url}`, timeoutMs, signal, async (deadline) => {
    const response = await send(url, trust, deadline);
    const date = Date.parse(response.headers.date ?? '');
    return {
      status: response.statusCode ?? 0,
      body: await readBody(response),
      date: Number.isNaN(date) ? undefined : date,
    };
  });

async function send(url: string, trust: Trust, signal: AbortSignal): Promise<IncomingMessage> {
  const verification =
    trust === 'anybody' ? { rejectUnauthorized: false } : { ...(trust === 'system' ? {} : { ca: trust.ca }) };
  return new Promise((resolve, reject) => {
    const call = request(url, { ...verification, agent: false, signal, headers: { accept: 'application/json' } });
    call.on('response', resolve);
    call.on('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error));
    call.end();
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    if ((size += chunk.length) > maxBodyBytes) throw new Error('the answer has no end');
  }
  return Buffer.concat(chunks).toString('utf8');
}
