import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runSession, type SessionStreams } from '../../../agent/cli/exec/session.ts';
import { openStream, post, upgrade } from '../../../agent/cli/local-client.ts';
import { createEventRecorder } from '../../../agent/events/recorder.ts';
import type { NodeActions } from '../../../agent/server/local/actions.ts';
import { execProtocol } from '../../../agent/server/local/exec-frames.ts';
import { startLocalServer } from '../../../agent/server/local/server.ts';
import { daemonState, nodeActions, pod, report } from './fixtures.ts';

type Runtime = NodeActions['runtime'];

const base = '/api/v1/namespaces/default/pods/web-node-1';
const running = pod('web', {
  phase: 'Running',
  containerStatuses: [
    {
      name: 'web',
      image: '',
      imageID: '',
      ready: true,
      restartCount: 0,
      state: { running: {} },
      containerID: 'docker://c1',
    },
  ],
});

let directory: string;
let socketPath: string;
let stop: () => Promise<void>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podwright-streams-'));
  socketPath = join(directory, 's');
});

afterEach(async () => {
  await stop();
  await rm(directory, { recursive: true });
});

async function serve(actions: Partial<NodeActions>): Promise<void> {
  const controller = new AbortController();
  await new Promise<void>((onListening, reject) => {
    const state = daemonState({ pods: () => [report(running)] });
    const serving = startLocalServer(
      { socketPath, state, actions: nodeActions(actions), onListening },
      controller.signal,
    );
    serving.catch(reject);
    stop = async () => {
      controller.abort();
      await serving;
    };
  });
}

const runtime = (change: Partial<Runtime>): Runtime => ({ ...nodeActions().runtime, ...change });

/** A runtime whose calls end by their signal only; `ended` resolves with the reason. */
function endless(): { readonly runtime: Runtime; readonly began: Promise<void>; readonly ended: Promise<unknown> } {
  let begin = (): void => undefined;
  let end: (reason: unknown) => void = () => undefined;
  const began = new Promise<void>((resolve) => (begin = resolve));
  const ended = new Promise<unknown>((resolve) => (end = resolve));
  const wait = async (signal: AbortSignal): Promise<never> => {
    begin();
    if (!signal.aborted) await once(signal, 'abort');
    end(signal.reason);
    throw signal.reason as Error;
  };
  const containerLogs: Runtime['containerLogs'] = async (_id, _options, { stdout }, signal) => {
    stdout.write('line\n');
    return wait(signal);
  };
  return { runtime: { containerLogs, exec: async (_id, _command, _streams, signal) => wait(signal) }, began, ended };
}

async function session(query: string, change: Partial<SessionStreams> = {}): Promise<number> {
  const socket = await upgrade(socketPath, `${base}/exec?${query}`, execProtocol);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  return runSession(socket, { stdin: undefined, stdout, stderr, tty: false, ...change });
}

describe('a log', () => {
  it('is both streams as text', async () => {
    const containerLogs: Runtime['containerLogs'] = async (id, { follow }, { stdout, stderr }) => {
      stdout.write(`${id} ${follow}\n`);
      await new Promise((resolve) => stderr.write('err\n', resolve));
    };
    await serve({ runtime: runtime({ containerLogs }) });
    expect(await text(await openStream(socketPath, `${base}/log?follow=true`))).toBe('c1 true\nerr\n');
  });

  it('that cannot be read is an error, and one that breaks off is cut off', async () => {
    let lines = 0;
    const containerLogs: Runtime['containerLogs'] = async (_id, _options, { stdout }) => {
      if (lines > 0) await new Promise((resolve) => stdout.write('line\n', resolve));
      lines += 1;
      throw new Error('no such container');
    };
    await serve({ runtime: runtime({ containerLogs }) });
    await expect(openStream(socketPath, `${base}/log`)).rejects.toThrow('no such container');
    await expect(text(await openStream(socketPath, `${base}/log`))).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('ends with its client, and with the daemon', async () => {
    const first = endless();
    await serve({ runtime: first.runtime });
    (await openStream(socketPath, `${base}/log?follow=true`)).destroy();
    expect(await first.ended).toEqual(new Error('the client has gone'));
    await stop();
    const second = endless();
    await serve({ runtime: second.runtime });
    const log = await openStream(socketPath, `${base}/log?follow=true`);
    const cut = expect(text(log)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await stop();
    await second.ended;
    await cut;
  });

  it('is written no faster than it is read', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    const containerLogs: Runtime['containerLogs'] = async (_id, _options, { stdout }, signal) => {
      while (written < 500 && !signal.aborted) {
        await new Promise((resolve) => stdout.write(chunk, resolve));
        written += 1;
      }
    };
    await serve({ runtime: runtime({ containerLogs }) });
    const log = await openStream(socketPath, `${base}/log`);
    for (let before = -1; before !== written; before = written) await settle();
    expect(written).toBeLessThan(50);
    log.resume();
    await once(log, 'end');
    expect(written).toBe(500);
  });
});

/** Long enough for what can go on to go on: it needs the event loop, not time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await setImmediate();
}

describe('exec', () => {
  it('passes streams, sizes and the exit code', async () => {
    const seen: unknown[] = [];
    const exec: Runtime['exec'] = async (id, command, { tty, stdin, stdout, onResize }) => {
      seen.push(id, command, tty);
      onResize?.((size) => seen.push(size));
      const input = await text(stdin ?? new PassThrough().end());
      await new Promise((resolve) => stdout?.write(input.toUpperCase(), resolve));
      return 5;
    };
    await serve({ runtime: runtime({ exec }) });
    const [stdin, stdout] = [new PassThrough(), Object.assign(new PassThrough(), { columns: 90, rows: 30 })];
    const code = session('command=a&command=b%20c&stdin=true&tty=true', { stdin, stdout, tty: true });
    stdin.end('input');
    expect(await code).toBe(5);
    expect(await text(stdout.end())).toBe('INPUT');
    expect(seen).toEqual(['c1', ['a', 'b c'], true, { width: 90, height: 30 }]);
  });

  it('says why it is refused, and why it failed', async () => {
    const exec = (): Promise<never> => Promise.reject(new Error('no such file'));
    await serve({ runtime: runtime({ exec }) });
    await expect(session('container=web')).rejects.toThrow('you must specify at least one command');
    await expect(session('command=x')).rejects.toThrow('no such file');
    await expect(upgrade(socketPath, `${base}/exec?command=x`, 'SPDY/3.1')).rejects.toThrow('only exec is upgraded');
    await expect(openStream(socketPath, `${base}/exec?command=x`)).rejects.toThrow('Upgrade request required');
  });

  it('ends a command whose client has gone, and one whose input nobody reads', async () => {
    for (const input of [0, 40]) {
      const { runtime: never, began, ended } = endless();
      await serve({ runtime: never });
      const socket = await upgrade(socketPath, `${base}/exec?command=x&stdin=true`, execProtocol);
      socket.on('error', () => undefined);
      const [stdin, sink] = [new PassThrough(), new PassThrough()];
      const failed = expect(runSession(socket, { stdin, stdout: sink, stderr: sink, tty: false })).rejects.toThrow();
      for (let count = 0; count < input; count += 1) stdin.write(Buffer.alloc(64 * 1024));
      await began;
      await settle();
      socket.destroy();
      expect(await ended).toEqual(new Error('the client has gone'));
      await failed;
      await stop();
    }
  }, 20_000);

  it('ends with the daemon', async () => {
    const { runtime: never, began, ended } = endless();
    await serve({ runtime: never });
    const code = expect(session('command=x')).rejects.toThrow('podwright went away while the command ran');
    await began;
    await stop();
    await ended;
    await code;
  });

  it('ends when a client speaks another protocol', async () => {
    const { runtime: never, began, ended } = endless();
    await serve({ runtime: never });
    const socket = await upgrade(socketPath, `${base}/exec?command=x&stdin=true`, execProtocol);
    socket.on('error', () => undefined);
    await began;
    socket.write(Buffer.alloc(64, 0xff));
    await ended;
  });
});

describe('a watch of events', () => {
  it('tells what has happened, and what happens', async () => {
    const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
    const events = createEventRecorder({ clock: { now: () => 0 }, log, nodeName: 'node-1' });
    const web = { kind: 'Pod', namespace: 'default', name: 'web', uid: 'u1' };
    events.event(web, 'Normal', 'Pulled', '');
    await serve({ events });
    const watch = await openStream(socketPath, '/api/v1/namespaces/default/events?watch=true');
    const told: string[] = [];
    const isOver = new Promise<void>((resolve) => {
      watch.on('data', (chunk: Buffer) => {
        told.push(...chunk.toString().trim().split('\n'));
        if (told.length === 1) {
          events.event(web, 'Normal', 'Started', '');
          events.event({ ...web, namespace: 'shop' }, 'Normal', 'Other', '');
          events.event(web, 'Normal', 'Started', '');
        }
        if (told.length === 3) resolve();
      });
    });
    await isOver;
    const lines = told.map((line) => JSON.parse(line) as { type: string; object: { reason: string; count: number } });
    expect(lines.map(({ type, object }) => [type, object.reason, object.count])).toEqual([
      ['ADDED', 'Pulled', 1],
      ['ADDED', 'Started', 1],
      ['MODIFIED', 'Started', 2],
    ]);
    watch.on('error', () => undefined).destroy();
  });
});

describe('a rerun', () => {
  it('is asked of the node', async () => {
    const asked: string[] = [];
    await serve({ rerun: (uid) => asked.push(uid) === 1 });
    const path = '/podwright/v1/namespaces/default/pods/web-node-1/rerun';
    await post(socketPath, path);
    await expect(post(socketPath, path)).rejects.toThrow('pod "web-node-1" is Running: only a pod that has ended');
    expect(asked).toEqual(['uid-web', 'uid-web']);
  });
});
