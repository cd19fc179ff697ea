import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askDocker } from '../../../agent/cli/check/docker-info.ts';

const signal = new AbortController().signal;
let directory: string;
let server: Server | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podwright-docker-'));
});

afterEach(async () => {
  server?.close();
  server = undefined;
  await rm(directory, { recursive: true });
});

async function docker(listener: RequestListener): Promise<string> {
  const path = join(directory, 'docker.sock');
  server = createServer(listener).listen(path);
  await once(server, 'listening');
  return `unix://${path}`;
}

describe('askDocker', () => {
  it('learns what the verdicts need', async () => {
    const bodies: Record<string, object> = {
      '/version': { Version: '27.0.1', ApiVersion: '1.46' },
      '/info': {
        Driver: 'overlay2',
        CgroupDriver: 'systemd',
        LoggingDriver: 'journald',
        Warnings: ['WARNING: No swap limit support'],
      },
    };
    const host = await docker(({ url = '' }, response) => response.end(JSON.stringify(bodies[url])));
    expect(await askDocker(host, signal)).toEqual({
      value: {
        version: '27.0.1',
        apiVersion: '1.46',
        storageDriver: 'overlay2',
        cgroupDriver: 'systemd',
        loggingDriver: 'journald',
        warnings: ['No swap limit support'],
      },
    });
  });

  it.each<[string, RequestListener, RegExp]>([
    ['an error', (_, response) => response.writeHead(503).end(), /^answered 503 to \/(version|info)$/],
    ['a page', (_, response) => response.end('<html>'), /is no JSON: is this Docker\?$/],
    ['a number', (_, response) => response.end('5'), /is no object: is this Docker\?$/],
    [
      'half an answer',
      (_, response) => response.writeHead(200, { 'content-length': 10 }).write('{', () => response.destroy()),
      /aborted|hang up/,
    ],
  ])('gives the reason for %s', async (_, listener, reason) => {
    expect(await askDocker(await docker(listener), signal)).toMatchObject({
      error: expect.stringMatching(reason) as string,
    });
  });

  it('gives the code when there is no socket', async () => {
    expect(await askDocker(`unix://${directory}/none.sock`, signal)).toMatchObject({ code: 'ENOENT' });
  });
});
