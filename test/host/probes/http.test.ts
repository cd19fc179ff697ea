import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { probeHttp } from '../../../agent/probes/http.ts';
import type { HttpHeader, HttpTarget, Outcome } from '../../../agent/probes/types.ts';
import { closedPort, serveHttp, serveHttps, serveTcp, type Listening } from './servers.ts';

const open: Listening[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(async (server) => server.close()));
});

async function keep(server: Promise<Listening>): Promise<number> {
  const listening = await server;
  open.push(listening);
  return listening.port;
}

interface Options {
  readonly headers?: readonly HttpHeader[];
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

async function probe(port: number, target: Partial<HttpTarget> = {}, options: Options = {}): Promise<Outcome> {
  const url: HttpTarget = { scheme: 'http', host: '127.0.0.1', port, path: '/', ...target };
  const { headers = [], timeoutMs = 5_000, signal = new AbortController().signal } = options;
  return probeHttp({ type: 'http', url, headers }, { containerId: 'c1', timeoutMs, signal });
}

/** Answers everything with the same bytes and closes. */
async function serveBytes(bytes: string): Promise<number> {
  return keep(serveTcp((socket) => socket.once('data', () => socket.end(bytes))));
}

const success: Outcome = { result: 'success' };
const failure = (message: string): Outcome => ({ result: 'failure', message });

describe('status', () => {
  test.each([
    [200, success],
    [204, success],
    [299, success],
    [304, { result: 'warning', message: 'Probe terminated redirects, Response body: ' }],
    [399, { result: 'warning', message: 'Probe terminated redirects, Response body: body' }],
    [400, failure('HTTP probe failed with statuscode: 400')],
    [404, failure('HTTP probe failed with statuscode: 404')],
    [503, failure('HTTP probe failed with statuscode: 503')],
  ])('%i', async (status, expected) => {
    const port = await keep(serveHttp((_, response) => void response.writeHead(status).end('body')));
    expect(await probe(port)).toEqual(expected);
  });

  test('after 100 Continue and 103 Early Hints the real one counts', async () => {
    const hints = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
    const port = await serveBytes(`${hints}HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n`);
    expect(await probe(port)).toEqual(failure('HTTP probe failed with statuscode: 500'));
  });
});

describe('request', () => {
  interface Seen {
    readonly line: string;
    readonly headers: IncomingHttpHeaders;
  }

  async function seenBy(
    headers: readonly HttpHeader[],
    path: string,
  ): Promise<{ port: number; seen: Seen | undefined }> {
    let seen: Seen | undefined;
    const port = await keep(
      serveHttp((request, response) => {
        seen = { line: `${request.method} ${request.url}`, headers: request.headers };
        response.end();
      }),
    );
    expect(await probe(port, { path }, { headers })).toEqual(success);
    return { port, seen };
  }

  test('goes to the address, and the connection is not kept', async () => {
    const { port, seen } = await seenBy([['Accept', '*/*']], '/a/../b?x=%20');
    const headers = { host: `127.0.0.1:${port}`, accept: '*/*', connection: 'close' };
    expect(seen).toEqual({ line: 'GET /a/../b?x=%20', headers });
  });

  test('carries the headers of the probe, Host and repeated ones too', async () => {
    const own: readonly HttpHeader[] = [
      ['Host', 'shop.example'],
      ['X-A', '1'],
      ['X-A', '2'],
    ];
    const { seen } = await seenBy(own, '/');
    expect(seen?.headers).toEqual({ host: 'shop.example', 'x-a': '1, 2', connection: 'close' });
  });

  test('goes over IPv6', async () => {
    let host: string | undefined;
    const handler = (request: IncomingMessage, response: ServerResponse): void => {
      host = request.headers.host;
      response.end();
    };
    const port = await keep(serveHttp(handler, '::1'));
    expect(await probe(port, { host: '::1' })).toEqual(success);
    expect(host).toBe(`[::1]:${port}`);
  });

  test('goes over TLS, whatever the certificate', async () => {
    const port = await keep(serveHttps((_, response) => void response.end('ok')));
    expect(await probe(port, { scheme: 'https' })).toEqual(success);
    expect(await probe(port, { scheme: 'https', host: 'localhost' })).toEqual(success);
  });

  test('that node cannot write says nothing about the container', async () => {
    const port = await keep(serveHttp((_, response) => void response.end()));
    await expect(probe(port, {}, { headers: [['X-A', 'line\nbreak']] })).rejects.toThrow(/X-A/);
  });
});

describe('redirects', () => {
  const to = (location: string, status = 302) => ({ status, location });

  /** Follows its own table of paths; `end` is a page. */
  async function site(
    pages: Readonly<Record<string, { status: number; location: string }>>,
  ): Promise<[number, string[]]> {
    const seen: string[] = [];
    const handler = (request: IncomingMessage, response: ServerResponse): void => {
      seen.push(request.url ?? '');
      const page = pages[request.url ?? ''];
      if (page === undefined) response.end('page');
      else response.writeHead(page.status, { Location: page.location }).end(`see ${page.location}`);
    };
    return [await keep(serveHttp(handler)), seen];
  }

  test('within the host are followed', async () => {
    const [port, seen] = await site({ '/': to('/a', 301), '/a': to('b', 307), '/b': to('/end', 308) });
    expect(await probe(port)).toEqual(success);
    expect(seen).toEqual(['/', '/a', '/b', '/end']);
  });

  test('to another host are a warning', async () => {
    const [port, seen] = await site({ '/': to('http://192.0.2.1/') });
    const message = 'Probe terminated redirects, Response body: see http://192.0.2.1/';
    expect(await probe(port)).toEqual({ result: 'warning', message });
    expect(seen).toEqual(['/']);
  });

  test('to TLS on another port are followed', async () => {
    const secure = await keep(serveHttps((_, response) => void response.writeHead(403).end()));
    const [port] = await site({ '/': to(`https://127.0.0.1:${secure}/`) });
    expect(await probe(port)).toEqual(failure('HTTP probe failed with statuscode: 403'));
  });

  test('in a circle have failed', async () => {
    const [port, seen] = await site({ '/': to('/') });
    expect(await probe(port)).toEqual(failure(`Get "http://127.0.0.1:${port}/": stopped after 10 redirects`));
    expect(seen).toHaveLength(10);
  });

  test('do not lengthen the timeout', async () => {
    const handler = (_: IncomingMessage, response: ServerResponse): void => {
      setTimeout(() => response.writeHead(302, { Location: '/again' }).end(), 60);
    };
    const port = await keep(serveHttp(handler));
    expect(await probe(port, {}, { timeoutMs: 150 })).toMatchObject({ result: 'failure' });
  });
});

describe('no answer', () => {
  test('because nobody listens', async () => {
    const port = await closedPort();
    const reason = `dial tcp 127.0.0.1:${port}: connect: connection refused`;
    expect(await probe(port)).toEqual(failure(`Get "http://127.0.0.1:${port}/": ${reason}`));
  });

  test('in time', async () => {
    const port = await keep(serveHttp(() => undefined));
    const reason = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
    expect(await probe(port, {}, { timeoutMs: 100 })).toEqual(failure(`Get "http://127.0.0.1:${port}/": ${reason}`));
  });

  test('but the end of the connection', async () => {
    const port = await serveBytes('');
    expect(await probe(port)).toEqual(failure(`Get "http://127.0.0.1:${port}/": EOF`));
  });

  test('in HTTP', async () => {
    const port = await serveBytes('220 mail.example ready\r\n');
    const outcome = await probe(port);
    expect(outcome.result).toBe('failure');
  });

  test('in TLS', async () => {
    const port = await keep(serveHttp((_, response) => void response.end()));
    expect((await probe(port, { scheme: 'https' })).result).toBe('failure');
  });

  test('before the probe is ended', async () => {
    const sockets: Socket[] = [];
    const port = await keep(serveTcp((socket) => void sockets.push(socket)));
    const controller = new AbortController();
    const running = probe(port, {}, { signal: controller.signal });
    controller.abort(new Error('the container is gone'));
    await expect(running).rejects.toThrow('the container is gone');
  });
});

describe('body', () => {
  test('is read to its end in pieces, with or without a length', async () => {
    const chunked =
      'HTTP/1.1 399 Odd\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n';
    const message = 'Probe terminated redirects, Response body: abcde';
    expect(await probe(await serveBytes(chunked))).toEqual({ result: 'warning', message });
    expect(await probe(await serveBytes('HTTP/1.0 399 Odd\r\n\r\nabcde'))).toEqual({ result: 'warning', message });
  });

  test('of a connection that stays open ends with its length', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    const port = await keep(serveTcp((socket) => socket.once('data', () => socket.write(answer))));
    expect(await probe(port)).toEqual(success);
  });

  test('is read up to 10 KiB', async () => {
    const port = await keep(
      serveTcp((socket) => {
        socket.once('data', () => socket.write(`HTTP/1.1 399 Odd\r\n\r\n${'x'.repeat(20_000)}`));
      }),
    );
    const message = `Probe terminated redirects, Response body: ${'x'.repeat(10_240)}`;
    expect(await probe(port)).toEqual({ result: 'warning', message });
  });

  test('that breaks off says nothing', async () => {
    const port = await serveBytes('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok');
    const message = `Get "http://127.0.0.1:${port}/": unexpected EOF`;
    expect(await probe(port)).toEqual({ result: 'error', message });
  });

  test('that does not come in time says nothing', async () => {
    const port = await keep(serveHttp((_, response) => response.writeHead(200).flushHeaders()));
    const reason = 'context deadline exceeded (Client.Timeout exceeded while reading body)';
    const message = `Get "http://127.0.0.1:${port}/": ${reason}`;
    expect(await probe(port, {}, { timeoutMs: 100 })).toEqual({ result: 'error', message });
  });
});

test('a server that is less than exact is understood', async () => {
  const both = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n';
  expect(await probe(await serveBytes(both))).toEqual(success);
});
