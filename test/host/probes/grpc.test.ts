import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { afterEach, describe, expect, test } from 'vitest';
import { probeGrpc } from '../../../agent/probes/grpc.ts';
import type { Outcome } from '../../../agent/probes/types.ts';
import { closedPort, serveHttp, serveHttp2, serveTcp, type Listening } from './servers.ts';

const open: Listening[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(async (server) => server.close()));
});

async function keep(server: Promise<Listening>): Promise<number> {
  const listening = await server;
  open.push(listening);
  return listening.port;
}

async function probe(port: number, service = '', timeoutMs = 5_000): Promise<Outcome> {
  const { signal } = new AbortController();
  return probeGrpc({ type: 'grpc', host: '127.0.0.1', port, service }, { containerId: 'c1', timeoutMs, signal });
}

interface Answer {
  readonly body: readonly number[];
  readonly trailers: OutgoingHttpHeaders;
}

/** A health server: answers by the framed request in hex; what it does not know has no service. */
async function serveHealth(answers: Readonly<Record<string, Answer>>): Promise<number> {
  const respond = async (stream: ServerHttp2Stream): Promise<void> => {
    const chunks = (await stream.toArray()) as Buffer[];
    const answer = answers[Buffer.concat(chunks).toString('hex')];
    if (answer === undefined) {
      const trailersOnly = { 'grpc-status': '5', 'grpc-message': 'unknown%20service' };
      return stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', ...trailersOnly },
        { endStream: true },
      );
    }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(answer.trailers));
    stream.end(Buffer.from(answer.body));
  };
  return keep(serveHttp2((server) => server.on('stream', (stream) => void respond(stream))));
}

const overall = '0000000000';
const frame = (...message: number[]): number[] => [0, 0, 0, 0, message.length, ...message];
const ok = { 'grpc-status': '0' };
const failure = (message: string): Outcome => ({ result: 'failure', message });

describe('an answer', () => {
  test.each<[string, Answer, Outcome]>([
    ['serving', { body: frame(8, 1), trailers: ok }, { result: 'success' }],
    ['not serving', { body: frame(8, 2), trailers: ok }, failure('service unhealthy (responded with "NOT_SERVING")')],
    ['unknown', { body: frame(), trailers: ok }, failure('service unhealthy (responded with "UNKNOWN")')],
    [
      'without the health service',
      { body: [], trailers: { 'grpc-status': '12', 'grpc-message': 'no such method' } },
      failure('error: this server does not implement the grpc health protocol (grpc.health.v1.Health): no such method'),
    ],
    ['late', { body: [], trailers: { 'grpc-status': '4' } }, failure('timeout: health rpc did not complete within 5s')],
    [
      'with an error',
      { body: [], trailers: { 'grpc-status': '14', 'grpc-message': '100%' } },
      failure('error: health rpc probe failed: rpc error: code = Unavailable desc = 100%'),
    ],
    [
      'that is no message',
      { body: [1, 2], trailers: ok },
      failure('error: health rpc probe failed: the response ends within its frame header'),
    ],
    [
      'that is far too long',
      { body: frame(...Array<number>(100).fill(0)).concat(Array<number>(20_000).fill(0)), trailers: ok },
      failure('error: health rpc probe failed: the response is larger than 10240 bytes'),
    ],
  ])('%s', async (_, answer, expected) => {
    expect(await probe(await serveHealth({ [overall]: answer }))).toEqual(expected);
  });

  test('is that of the service that was asked for', async () => {
    const port = await serveHealth({ '00000000050a03612e42': { body: frame(8, 1), trailers: ok } });
    expect(await probe(port, 'a.B')).toEqual({ result: 'success' });
    expect(await probe(port, 'a.C')).toEqual(
      failure('error: health rpc probe failed: rpc error: code = NotFound desc = unknown service'),
    );
  });
});

test('the request is one of gRPC', async () => {
  let seen: unknown;
  const port = await keep(
    serveHttp2((server) =>
      server.on('stream', (stream, headers) => {
        seen = { ...headers };
        stream.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true });
      }),
    ),
  );
  await probe(port);
  expect(seen).toMatchObject({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    ':authority': `127.0.0.1:${port}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'kube-probe/1.32',
  });
});

describe('no answer', () => {
  test('because nobody listens', async () => {
    const port = await closedPort();
    const address = `127.0.0.1:${port}`;
    const reason = `dial tcp ${address}: connect: connection refused`;
    expect(await probe(port)).toEqual(failure(`error: failed to connect service at "${address}": ${reason}`));
  });

  test('because it is not HTTP/2', async () => {
    const port = await keep(serveHttp((_, response) => void response.end()));
    expect((await probe(port)).result).toBe('failure');
  });

  test('but the end of the connection', async () => {
    const port = await keep(serveTcp((socket) => socket.once('data', () => socket.end())));
    expect((await probe(port)).result).toBe('failure');
  });

  test('but a page of HTTP', async () => {
    const port = await keep(
      serveHttp2((server) => server.on('stream', (stream) => stream.respond({ ':status': 404 }, { endStream: true }))),
    );
    const reason = 'unexpected HTTP status code received from server: 404';
    expect(await probe(port)).toEqual(failure(`error: health rpc probe failed: ${reason}`));
  });

  test('on the connection in time', async () => {
    const port = await keep(serveTcp(() => undefined));
    const message = `timeout: failed to connect service "127.0.0.1:${port}" within 1s: context deadline exceeded`;
    expect(await probe(port, '', 1_000)).toEqual(failure(message));
  });

  test('to the call in time', async () => {
    const port = await keep(serveHttp2((server) => server.on('stream', () => undefined)));
    expect(await probe(port, '', 1_000)).toEqual(failure('timeout: health rpc did not complete within 1s'));
  });
});
