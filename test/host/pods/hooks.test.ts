import { afterEach, describe, expect, test } from 'vitest';
import { DeadlineExceededError } from '../../../agent/deadline.ts';
import { systemClock } from '../../../agent/clock.ts';
import { type HookHandler, type HookTarget, runHook } from '../../../agent/pods/hooks.ts';
import { closedPort, type Listening, serveHttp, serveHttps, serveTcp } from '../probes/servers.ts';

const never = new AbortController().signal;
const servers: Listening[] = [];
const commands: unknown[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  commands.length = 0;
});

async function open(starting: Promise<Listening>): Promise<number> {
  const server = await starting;
  servers.push(server);
  return server.port;
}

const target = (port?: number): HookTarget => ({
  ports: port === undefined ? [] : [{ name: 'web', containerPort: port, protocol: 'TCP' }],
  containerId: 'c0',
  podIp: '127.0.0.1',
});

function run(handler: HookHandler, where: HookTarget = target(), timeoutMs?: number, signal = never): Promise<void> {
  const runtime = {
    execSync: (...call: readonly unknown[]) => {
      commands.push(call.slice(0, 3));
      const exitCode = (call[1] as string[])[0] === 'false' ? 3 : 0;
      return Promise.resolve({ exitCode, stdout: 'out ', stderr: 'err\n' });
    },
  };
  return runHook({ runtime, clock: systemClock }, handler, where, timeoutMs, signal);
}

describe('httpGet', () => {
  test('asks by name of the port, with path and headers, and does not mind the answer', async () => {
    const seen: unknown[] = [];
    const port = await open(
      serveHttp((request, response) => {
        const { 'user-agent': agent, 'x-hook': hook } = request.headers;
        seen.push([request.method, request.url, agent, hook]);
        response.writeHead(503).end('no');
      }),
    );
    const httpHeaders = [{ name: 'X-Hook', value: 'yes' }];
    await run({ httpGet: { port: 'web', path: 'ready?x=1', httpHeaders } }, target(port));
    await run({ httpGet: { port } });
    expect(seen).toEqual([
      ['GET', '/ready?x=1', 'kube-lifecycle/1.32', 'yes'],
      ['GET', '/', 'kube-lifecycle/1.32', undefined],
    ]);
  });

  test('takes any certificate', async () => {
    const seen: string[] = [];
    const port = await open(serveHttps((request, response) => response.end(seen.push(request.url ?? '').toString())));
    await run({ httpGet: { port, path: '/tls', scheme: 'HTTPS' } });
    expect(seen).toEqual(['/tls']);
  });

  test('falls back to HTTP, without credentials, when the server does not speak TLS', async () => {
    const seen: unknown[] = [];
    const port = await open(
      serveHttp((request, response) =>
        response.end(seen.push([request.url, request.headers.authorization]).toString()),
      ),
    );
    const httpHeaders = [{ name: 'Authorization', value: 'Bearer x' }];
    await run({ httpGet: { port, path: '/plain', scheme: 'HTTPS', httpHeaders } });
    expect(seen).toEqual([['/plain', undefined]]);
  });

  test('fails when nobody listens, when the time is over and when it is aborted', async () => {
    await expect(run({ httpGet: { port: await closedPort() } })).rejects.toThrow(/ECONNREFUSED/);
    const port = await open(serveHttp(() => undefined));
    await expect(run({ httpGet: { port } }, target(), 50)).rejects.toThrow(DeadlineExceededError);
    const controller = new AbortController();
    const hook = run({ httpGet: { port } }, target(), undefined, controller.signal);
    controller.abort(new Error('the pod ends'));
    await expect(hook).rejects.toThrow('the pod ends');
  });

  test.each([
    [{ httpGet: { port: 'admin' } }, target(80), 'the container has no port named "admin"'],
    [{ httpGet: { port: '80x' } }, target(80), 'the container has no port named "80x"'],
    [{ httpGet: { port: 80 } }, { ...target(), podIp: undefined }, 'the pod has no address to send the hook to'],
    [{}, target(), 'invalid handler: it names no action'],
  ])('%j is refused', async (handler, where, message) => {
    await expect(run(handler, where)).rejects.toThrow(message);
  });
});

describe('the other handlers', () => {
  test('tcpSocket connects', async () => {
    const seen: unknown[] = [];
    const port = await open(serveTcp((socket) => seen.push(socket.remoteAddress)));
    await run({ tcpSocket: { port: String(port) } });
    await expect.poll(() => seen).toEqual(['127.0.0.1']);
    await expect(run({ tcpSocket: { port: await closedPort() } })).rejects.toThrow(/ECONNREFUSED/);
  });

  test('exec runs in the container within the time that is left, and fails with what it said', async () => {
    await run({ exec: { command: ['true', '-x'] } }, target(), 1500);
    expect(commands).toEqual([['c0', ['true', '-x'], 1500]]);
    await expect(run({ exec: { command: ['false'] } })).rejects.toThrow("command 'false' exited with 3: out err");
  });

  test('sleep sleeps, no longer than the time that is left, and is woken', async () => {
    await run({ sleep: { seconds: 0 } });
    await run({ sleep: { seconds: 3600 } }, target(), 20);
    const controller = new AbortController();
    const hook = run({ sleep: { seconds: 3600 } }, target(), undefined, controller.signal);
    controller.abort(new Error('stop'));
    await expect(hook).rejects.toThrow('stop');
  });
});
