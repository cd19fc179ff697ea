import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ContainerState, PodSandboxState, RuntimeService } from '../../../agent/cri/api_pb.js';
import { createDockerClient } from '../../../agent/runtime/docker/index.ts';
import type { ContainerListEntry } from '../../../agent/runtime/docker/api.ts';
import { isAsked, matchesContainer, toContainer, toImage, toPodSandbox } from '../../../agent/server/cri/render.ts';
import { createRuntimeService, type CriDeps } from '../../../agent/server/cri/runtime-service.ts';
import { serveCri } from '../../../agent/server/cri/server.ts';

const entry: ContainerListEntry = {
  Id: 'abcdef012345',
  Names: ['/k8s_main_web_default_uid-1_3'],
  Image: 'example.com/web:1',
  ImageID: 'sha256:00',
  Created: 1_700_000_000,
  State: 'exited',
  Labels: {
    'io.kubernetes.pod.name': 'web',
    'io.kubernetes.pod.namespace': 'default',
    'io.kubernetes.pod.uid': 'uid-1',
    'io.kubernetes.container.name': 'main',
    'io.kubernetes.docker.type': 'container',
    'io.kubernetes.sandbox.id': 'fedcba',
    'io.kubernetes.container.logpath': '/var/log/pods/x/main/3.log',
    'annotation.io.kubernetes.container.hash': '1f',
    app: 'web',
  },
  HostConfig: { NetworkMode: 'none' },
};

describe('what Docker tells, as CRI', () => {
  test('a container', () => {
    expect(toContainer(entry)).toEqual({
      ...{ id: 'abcdef012345', podSandboxId: 'fedcba', metadata: { name: 'main', attempt: 3 } },
      ...{ image: { image: 'example.com/web:1' }, imageRef: 'sha256:00', imageId: 'sha256:00' },
      ...{ state: ContainerState.CONTAINER_EXITED, createdAt: 1_700_000_000_000_000_000n },
      labels: {
        'io.kubernetes.pod.name': 'web',
        'io.kubernetes.pod.namespace': 'default',
        'io.kubernetes.pod.uid': 'uid-1',
        'io.kubernetes.container.name': 'main',
        app: 'web',
      },
      annotations: { 'io.kubernetes.container.hash': '1f' },
    });
  });

  test('a sandbox that has ended is not ready', () => {
    expect(toPodSandbox(entry)).toMatchObject({
      ...{ metadata: { name: 'web', namespace: 'default', uid: 'uid-1' }, state: PodSandboxState.SANDBOX_NOTREADY },
    });
  });

  test.each([
    ['1000:2000', { uid: { value: 1000n } }],
    ['nobody', { username: 'nobody' }],
    ['', { username: '' }],
  ])('the user %o of an image', (user, shown) => {
    expect(toImage({ id: 'sha256:00', tags: [], digests: [], size: 7, user })).toMatchObject({ size: 7n, ...shown });
  });

  test.each([
    [{ id: 'abc' }, true],
    [{ id: 'bcd' }, false],
    [{ podSandboxId: 'fedcba' }, true],
    [{ podSandboxId: 'x' }, false],
    [{ state: { state: ContainerState.CONTAINER_EXITED } }, true],
    [{ state: { state: ContainerState.CONTAINER_CREATED } }, false],
    [{ labelSelector: { app: 'web' } }, true],
    [{ labelSelector: { app: 'web', tier: 'x' } }, false],
  ])('the filter %j', (wanted, matches) => {
    const filter = { $typeName: 'runtime.v1.ContainerFilter', id: '', podSandboxId: '', labelSelector: {}, ...wanted };
    expect(matchesContainer(toContainer(entry), filter as never)).toBe(matches);
  });

  test('nothing is no beginning of an ID', () => {
    expect(isAsked('abc', '')).toBe(false);
  });
});

describe('a command', () => {
  test.each([
    [0n, 0],
    [20n, 20_000],
    [10n ** 9n, 2 ** 31 - 1],
  ])('that may take %d s', async (timeout, expected) => {
    const asked: number[] = [];
    const service = createRuntimeService({
      client: { listContainers: () => Promise.resolve([entry]) } as never,
      runtime: {
        execSync: (_id: string, _command: readonly string[], timeoutMs: number) => {
          asked.push(timeoutMs);
          return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
        },
      } as never,
      stopSandbox: undefined as never,
      sandboxImage: 'pause',
      lifetime: new AbortController().signal,
    });
    const request = { containerId: 'abc', cmd: ['true'], timeout } as never;
    await service.execSync?.(request, { signal: new AbortController().signal } as never);
    expect(asked).toEqual([expected]);
  });
});

describe('the server', () => {
  afterEach(() => void vi.useRealTimers());
  let directory: string;
  beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'podwright-cri-'))));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const deps = (): CriDeps => ({
    client: createDockerClient(`unix://${join(directory, 'no-docker.sock')}`, 1_000),
    runtime: undefined as never,
    stopSandbox: undefined as never,
    sandboxImage: 'pause',
    lifetime: new AbortController().signal,
  });
  const clientTo = (path: string) =>
    createClient(
      RuntimeService,
      createGrpcTransport({ baseUrl: 'http://localhost', nodeOptions: { createConnection: () => connect(path) } }),
    );

  test('says why it has no answer, until it is told to end', async () => {
    const path = join(directory, 'cri.sock');
    const controller = new AbortController();
    let onListening = (): void => undefined;
    const listening = new Promise<void>((resolve) => (onListening = resolve));
    const served = serveCri(deps(), { listener: { path }, idleMs: undefined, onListening }, controller.signal);
    await listening;
    const error = ConnectError.from(
      await clientTo(path)
        .version({})
        .catch((reason: unknown) => reason),
    );
    expect(error.code).toBe(Code.Unavailable);
    expect(error.rawMessage).toContain('Docker does not answer');
    controller.abort();
    await served;
  });

  test('ends when nobody comes', async () => {
    await serveCri(
      deps(),
      { listener: { path: join(directory, 'idle.sock') }, idleMs: 10 },
      AbortSignal.timeout(60_000),
    );
  });

  test('does not outlive its failure to listen', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const serving = serveCri(deps(), { listener: { path: directory }, idleMs: 60_000 }, new AbortController().signal);
    await expect(serving).rejects.toThrow(/no socket/);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('leaves alone what is no socket, and what another process answers on', async () => {
    const path = join(directory, 'taken.sock');
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(path, resolve));
    await expect(serveCri(deps(), { listener: { path }, idleMs: 10 }, AbortSignal.timeout(60_000))).rejects.toThrow(
      /another process answers/,
    );
    other.close();
    await expect(
      serveCri(deps(), { listener: { path: directory }, idleMs: 10 }, AbortSignal.timeout(60_000)),
    ).rejects.toThrow(/no socket: name another path with --listen/);
  });
});
