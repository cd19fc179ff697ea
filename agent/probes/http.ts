import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { planRedirect } from './redirect-plan.ts';
import { describeNetworkError, formatUrl, joinHostPort } from './render.ts';
import type { Check, CheckContext, HttpHeader, HttpTarget, Outcome } from './types.ts';
import { within } from './within.ts';

/** `maxRespBodyLength` of `pkg/probe/http/http.go`, bytes. */
const maxBody = 10 * 1024;
/** Bytes; no application should be found unwell for its cookies. */
const maxHeaders = 256 * 1024;

interface Run {
  readonly done: (outcome: Outcome) => void;
  /** The status has come, the body has not ended yet. */
  answered: boolean;
  sent: number;
  request: ClientRequest | undefined;
}

/**
 * By node:http without an agent. A client by hand on node:net was measured and is no cheaper: what costs is the connection,
 * 0.2 of 0.35 ms.
 *
 * A GET; status 200 to 399 is success (`pkg/probe/http/http.go`). A body that breaks off says nothing, because the status
 * was already there: that is an error and not a failure, as it is in the kubelet.
 */
export async function probeHttp(
  { url, headers }: Extract<Check, { type: 'http' }>,
  { timeoutMs, signal }: CheckContext,
): Promise<Outcome> {
  let run: Run | undefined;
  const late = (): Outcome => {
    const [result, wait] =
      run?.answered === true ? ['error' as const, 'reading body'] : ['failure' as const, 'awaiting headers'];
    const why = `context deadline exceeded (Client.Timeout exceeded while ${wait})`;
    return { result, message: `Get "${formatUrl(url)}": ${why}` };
  };
  return within<Outcome>(timeoutMs, signal, late, (done) => {
    const started: Run = { done, answered: false, sent: 0, request: undefined };
    run = started;
    send(started, url, headers);
    return () => started.request?.destroy();
  });
}

function send(run: Run, url: HttpTarget, headers: readonly HttpHeader[]): void {
  run.sent += 1;
  const get = request({
    method: 'GET',
    path: url.path,
    headers: rawHeaders(url, headers),
    createConnection: () => openConnection(url),
    // Nothing is forwarded from here: what a client can make sense of is good enough, as it is for Go.
    insecureHTTPParser: true,
    maxHeaderSize: maxHeaders,
  });
  run.request = get;
  get.once('response', (response) => receive(run, url, headers, response));
  // Stays for the life of the request: an error after the end must not bring the daemon down.
  get.on('error', (error) => {
    if (run.request !== get || run.answered) return;
    run.done(failed(url, describeNetworkError(error, url.host, url.port)));
  });
  get.end();
}

/** Names and values in turn; `Connection: close` is added by node, because no agent keeps the connection. */
function rawHeaders(url: HttpTarget, headers: readonly HttpHeader[]): readonly string[] {
  const own = headers.find(([name]) => name.toLowerCase() === 'host')?.[1];
  const host = own === undefined || own === '' ? joinHostPort(url.host, url.port) : own;
  return ['Host', host, ...headers.filter(([name]) => name.toLowerCase() !== 'host').flat()];
}

function openConnection({ scheme, host, port }: HttpTarget): ReturnType<typeof connect> {
  if (scheme === 'http') return connect({ host, port });
  // The certificate is not looked at: it is made for clients, who do not call the pod by its address.
  const options = { host, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] };
  return connectTls(isIP(host) === 0 ? { ...options, servername: host } : options);
}

function receive(run: Run, url: HttpTarget, headers: readonly HttpHeader[], response: IncomingMessage): void {
  const status = response.statusCode ?? 0;
  const step = planRedirect(url, headers, { status, location: response.headers.location }, run.sent);
  if (step.do === 'fail') return run.done(failed(url, step.reason));
  if (step.do === 'follow') {
    run.request?.destroy();
    return send(run, step.url, step.headers);
  }
  run.answered = true;
  readBody(response, (body, error) => {
    if (error !== undefined) run.done({ result: 'error', message: `Get "${formatUrl(url)}": ${error}` });
    else run.done(judge(status, body));
  });
}

function readBody(response: IncomingMessage, done: (body: string, error?: string) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const end = (): void => done(Buffer.concat(chunks).toString('utf8', 0, maxBody));
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= maxBody) end();
  });
  response.once('end', end);
  response.on('error', () => done('', 'unexpected EOF'));
}

/** The body is no part of a failure's message: it may hold what is not for everybody who may read events. */
function judge(status: number, body: string): Outcome {
  if (status < 200 || status >= 400) {
    return { result: 'failure', message: `HTTP probe failed with statuscode: ${status}` };
  }
  if (status < 300) return { result: 'success' };
  return { result: 'warning', message: `Probe terminated redirects, Response body: ${body}` };
}

function failed(url: HttpTarget, reason: string): Outcome {
  return { result: 'failure', message: `Get "${formatUrl(url)}": ${reason}` };
}
