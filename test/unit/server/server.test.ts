import { request } from 'node:http';
import { createServer, type Server } from 'node:net';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchStatus } from '../../../agent/cli/local-client.ts';
import { startLocalServer } from '../../../agent/server/local/server.ts';
import type { DaemonState } from '../../../agent/server/local/state.ts';
import { daemonState, nodeActions, nodeInfo, pod, report } from './fixtures.ts';

let directory: string;
let controller: AbortController;
let running: Promise<void>[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podwright-server-'));
  controller = new AbortController();
  running = [];
});

afterEach(async () => {
  controller.abort();
  await Promise.all(running);
  await rm(directory, { recursive: true });
});

async function start(socketPath: string, state: DaemonState = daemonState()): Promise<void> {
  await new Promise<void>((onListening, reject) => {
    const serving = startLocalServer({ socketPath, state, actions: nodeActions(), onListening }, controller.signal);
    running.push(serving.catch(reject));
  });
}

async function get(socketPath: string, path: string): Promise<{ code: number | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ code: response.statusCode, body: JSON.parse(text) as unknown }));
    })
      .on('error', reject)
      .end();
  });
}

describe('startLocalServer', () => {
  it('serves on a socket of its owner only, in a directory of its owner only', async () => {
    const path = join(directory, 'run', 'podwright.sock');
    await start(path);
    const modes = await Promise.all(
      [path, join(directory, 'run')].map(async (name) => (await stat(name)).mode & 0o777),
    );
    expect(modes).toEqual([0o600, 0o700]);
    expect(await fetchStatus(path)).toEqual({ node: nodeInfo, pods: [report(pod('web'))], problems: [] });
  });

  it('removes the socket when it stops', async () => {
    const path = join(directory, 'a.sock');
    await start(path);
    controller.abort();
    await Promise.all(running);
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('takes the place of a daemon that was killed', async () => {
    const path = join(directory, 'a.sock');
    await leaveStaleSocket(path);
    await expect(fetchStatus(path)).rejects.toThrow(`nobody answers on ${path}`);
    await start(path);
    expect((await get(path, '/healthz')).code).toBe(200);
  });

  it('leaves a daemon that answers alone', async () => {
    const path = join(directory, 'a.sock');
    await start(path);
    await expect(start(path)).rejects.toThrow(`another process answers on ${path}`);
    expect((await get(path, '/healthz')).code).toBe(200);
  });

  it('leaves a file that is no socket alone', async () => {
    const path = join(directory, 'precious');
    await writeFile(path, 'data');
    await expect(start(path)).rejects.toThrow(`${path} is there and no socket`);
    expect(await readFile(path, 'utf8')).toBe('data');
  });

  it('refuses a path that the kernel would cut', async () => {
    const path = join(directory, 'x'.repeat(108));
    await expect(start(path)).rejects.toThrow('is longer than 107 bytes');
  });

  it('answers 500 to a defect, and goes on', async () => {
    const path = join(directory, 'a.sock');
    const pods = (): never => {
      throw new Error('a defect');
    };
    await start(path, daemonState({ pods }));
    expect(await get(path, '/api/v1/pods')).toMatchObject({ code: 500, body: { kind: 'Status', message: 'a defect' } });
    expect((await get(path, '/healthz')).code).toBe(200);
  });
});

/** A bound socket whose owner is gone: renamed away before the close that would remove it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { link } = await import('node:fs/promises');
  const server: Server = createServer().listen(`${path}.bound`);
  await once(server, 'listening');
  await link(`${path}.bound`, path);
  server.close();
  await once(server, 'close');
}
