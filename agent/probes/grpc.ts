import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { messageOf } from '../../cni/index.ts';
import { kubeletRelease } from '../version.ts';
import { codeName, decodeHealthResponse, encodeHealthRequest } from './health-plan.ts';
import { describeNetworkError, formatSeconds, joinHostPort } from './render.ts';
import type { Check, CheckContext, Outcome } from './types.ts';
import { within } from './within.ts';

type GrpcCheck = Extract<Check, { type: 'grpc' }>;

/** Bytes; a health response has two. */
const maxResponse = 10 * 1024;
const ok = 0;
const deadlineExceeded = 4;
const unimplemented = 12;

/**
 * Asks `grpc.health.v1.Health/Check` over plain HTTP/2; SERVING is success and everything else has failed
 * (`pkg/probe/grpc/grpc.go`). A refused connection fails at once, where the kubelet tries again until the timeout.
 */
export async function probeGrpc(check: GrpcCheck, { timeoutMs, signal }: CheckContext): Promise<Outcome> {
  const address = joinHostPort(check.host, check.port);
  let connected = false;
  const late = (): Outcome => {
    const timeout = formatSeconds(timeoutMs);
    if (connected) return failure(`timeout: health rpc did not complete within ${timeout}`);
    return failure(`timeout: failed to connect service "${address}" within ${timeout}: context deadline exceeded`);
  };
  return within<Outcome>(timeoutMs, signal, late, (done) => {
    const session = connect(`http://${address}`);
    session.once('connect', () => call(session, check, address, timeoutMs, done));
    // Only now it is known that HTTP/2 is spoken there.
    session.once('remoteSettings', () => {
      connected = true;
    });
    // Stays for the life of the session: an error after the end must not bring the daemon down.
    session.on('error', (error) => {
      const reason = describeNetworkError(error, check.host, check.port);
      done(failure(connected ? rpcFailed(reason) : `error: failed to connect service at "${address}": ${reason}`));
    });
    // A server that is not HTTP/2 may close without any error.
    session.once('close', () => done(failure(rpcFailed('connection closed before the response'))));
    return () => session.destroy();
  });
}

function call(
  session: ClientHttp2Session,
  { service }: GrpcCheck,
  authority: string,
  timeoutMs: number,
  done: (outcome: Outcome) => void,
): void {
  const stream = session.request({
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': authority,
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': `kube-probe/${kubeletRelease}`,
    'grpc-timeout': `${timeoutMs}m`,
  });
  collect(stream, (headers, body) => done(judge(headers, body, timeoutMs)));
  stream.on('error', (error: Error) => done(failure(rpcFailed(error.message))));
  stream.end(encodeHealthRequest(service));
}

/** Reports headers and trailers as one, when the stream has ended: a response without body has its status in the headers. */
function collect(stream: ClientHttp2Stream, done: (headers: IncomingHttpHeaders, body: Buffer) => void): void {
  const headers: IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  let length = 0;
  const add = (more: IncomingHttpHeaders): void => {
    Object.assign(headers, more);
  };
  stream.on('response', add);
  stream.on('trailers', add);
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxResponse) stream.destroy(new Error(`the response is larger than ${maxResponse} bytes`));
  });
  stream.on('end', () => done(headers, Buffer.concat(chunks)));
}

function judge(headers: IncomingHttpHeaders, body: Buffer, timeoutMs: number): Outcome {
  const status = headers['grpc-status'];
  if (typeof status !== 'string') {
    return failure(rpcFailed(`unexpected HTTP status code received from server: ${String(headers[':status'])}`));
  }
  const code = Number(status);
  const message = decodeMessage(headers['grpc-message']);
  if (code === unimplemented) {
    const protocol = 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)';
    return failure(`${protocol}: ${message}`);
  }
  if (code === deadlineExceeded) {
    return failure(`timeout: health rpc did not complete within ${formatSeconds(timeoutMs)}`);
  }
  if (code !== ok) return failure(rpcFailed(`rpc error: code = ${codeName(code)} desc = ${message}`));
  return judgeBody(body);
}

function judgeBody(body: Buffer): Outcome {
  try {
    const serving = decodeHealthResponse(body);
    return serving === 'SERVING' ? { result: 'success' } : failure(`service unhealthy (responded with "${serving}")`);
  } catch (error) {
    return failure(rpcFailed(messageOf(error)));
  }
}

/** `grpc-message` is percent-encoded; one that is not well-formed is shown as it came. */
function decodeMessage(raw: string | string[] | undefined): string {
  const text = String(raw ?? '');
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function rpcFailed(reason: string): string {
  return `error: health rpc probe failed: ${reason}`;
}

function failure(message: string): Outcome {
  return { result: 'failure', message };
}
