import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { planRedirect } from './redirect-plan.ts';
import { describeNetworkError, formatUrl } from './render.ts';
import { renderRequest } from './request-render.ts';
import { parseResponse, type Parsed, type Response } from './response-plan.ts';
import type { Check, CheckContext, HttpHeader, HttpTarget, Outcome } from './types.ts';
import { within } from './within.ts';

interface Run {
  readonly done: (outcome: Outcome) => void;
  sent: number;
  connection: Socket | undefined;
  /** Of the last request. */
  state: Parsed['state'];
}

/**
 * A GET; status 200 to 399 is success (`pkg/probe/http/http.go`). A body that breaks off says nothing, because the status
 * was already there: that is an error and not a failure, as it is in the kubelet.
 */
export async function probeHttp(
  { url, headers }: Extract<Check, { type: 'http' }>,
  { timeoutMs, signal }: CheckContext,
): Promise<Outcome> {
  let run: Run | undefined;
  const late = (): Outcome => {
    const wait = run?.state === 'body' ? 'reading body' : 'awaiting headers';
    return unanswered(url, run?.state, `context deadline exceeded (Client.Timeout exceeded while ${wait})`);
  };
  return within<Outcome>(timeoutMs, signal, late, (done) => {
    const started: Run = { done, sent: 0, connection: undefined, state: 'head' };
    run = started;
    send(started, url, headers);
    return () => started.connection?.destroy();
  });
}

/** One request on a connection of its own. */
function send(run: Run, url: HttpTarget, headers: readonly HttpHeader[]): void {
  const text = renderRequest(url, headers);
  const connection = openConnection(url);
  run.sent += 1;
  run.connection = connection;
  run.state = 'head';
  let bytes: Buffer = Buffer.alloc(0);
  const take = (ended: boolean): void => {
    if (run.connection !== connection || run.state === 'complete') return;
    const parsed = parseResponse(bytes, ended);
    run.state = parsed.state;
    if (parsed.state === 'complete') receive(run, url, headers, parsed.response);
    else if (parsed.state === 'malformed') run.done(unanswered(url, 'head', parsed.reason));
    else if (ended) run.done(unanswered(url, parsed.state, 'unexpected EOF'));
  };
  connection.on('data', (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    take(false);
  });
  connection.once('end', () => take(true));
  // Stays for the life of the connection: an error after the end must not bring the daemon down.
  connection.on('error', (error) => {
    if (run.connection !== connection || run.state === 'complete') return;
    run.done(unanswered(url, run.state, describeNetworkError(error, url.host, url.port)));
  });
  connection.write(text, 'latin1');
}

function openConnection({ scheme, host, port }: HttpTarget): Socket {
  if (scheme === 'http') return connect({ host, port });
  // The certificate is not looked at: it is made for clients, who do not call the pod by its address.
  const options = { host, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] };
  return connectTls(isIP(host) === 0 ? { ...options, servername: host } : options);
}

function receive(run: Run, url: HttpTarget, headers: readonly HttpHeader[], response: Response): void {
  const step = planRedirect(url, headers, response, run.sent);
  switch (step.do) {
    case 'stop':
      return run.done(judge(response));
    case 'fail':
      return run.done(unanswered(url, 'head', step.reason));
    case 'follow':
      run.connection?.destroy();
      return send(run, step.url, step.headers);
  }
}

/** The body is no part of a failure's message: it may hold what is not for everybody who may read events. */
function judge({ status, body }: Response): Outcome {
  if (status < 200 || status >= 400) {
    return { result: 'failure', message: `HTTP probe failed with statuscode: ${status}` };
  }
  if (status < 300) return { result: 'success' };
  return { result: 'warning', message: `Probe terminated redirects, Response body: ${body}` };
}

function unanswered(url: HttpTarget, state: Parsed['state'] | undefined, reason: string): Outcome {
  return { result: state === 'body' ? 'error' : 'failure', message: `Get "${formatUrl(url)}": ${reason}` };
}
