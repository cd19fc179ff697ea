import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, renameSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ContainerState,
  ImageService,
  NamespaceMode,
  PodSandboxState,
  RuntimeService,
} from '../../agent/cri/api_pb.js';
import { type RunningProgram, startProgram } from '../cluster/programs.ts';
import { podwrightProgram } from '../lab/daemon.ts';
import { createHost, type DaemonHandle, isReady, type TestHost, until } from '../lab/index.ts';
import { enterArgs } from '../lab/names.ts';
import { image, podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;
let cri: RunningProgram;
let runtime: Client<typeof RuntimeService>;
let images: Client<typeof ImageService>;
const deadlineMs = 60_000;

beforeAll(async () => {
  host = await createHost();
  daemon = host.startDaemon();
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
  host.drop('web.yaml', podManifest('web', [shell('main', 'echo begin; trap "exit 0" TERM; sleep 100000 & wait')]));
  await host.waitForPod('web', isReady);
  cri = startProgram(host, { file: process.execPath, args: [podwrightProgram, ...criArgs()], env: {} });
  await until('CRI to answer', deadlineMs, () => existsSync(socket()), { explain: () => cri.output() });
  runtime = createClient(RuntimeService, transportTo(socket()));
  images = createClient(ImageService, transportTo(socket()));
});

afterAll(async () => {
  await cri?.kill();
  await daemon?.stop();
  host?.remove();
});

const transportTo = (path: string): Transport =>
  createGrpcTransport({ baseUrl: 'http://localhost', nodeOptions: { createConnection: () => connect(path) } });

const socket = (): string => join(host.dir, 'cri.sock');
const criArgs = (): readonly string[] => [
  ...['cri', '--listen', `unix://${socket()}`, '--config', host.configFile, '--root-dir', host.rootDir],
  ...['--docker-host', `unix://${host.dockerSocket}`],
];

/** The one sandbox that is ready. */
async function ready(): Promise<string> {
  const { items } = await runtime.listPodSandbox({ filter: { state: { state: PodSandboxState.SANDBOX_READY } } });
  expect(items).toHaveLength(1);
  return items[0]?.id ?? '';
}

const codeOf = async (call: Promise<unknown>): Promise<Code | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error).code,
  );

describe('CRI beside the daemon', () => {
  it('tells of the runtime, on a socket of root alone', async () => {
    expect(statSync(socket()).mode & 0o777).toBe(0o600);
    expect(await runtime.version({})).toMatchObject({ runtimeName: 'docker', runtimeApiVersion: 'v1' });
    const { status, info } = await runtime.status({ verbose: true });
    expect(status?.conditions).toMatchObject([
      { type: 'RuntimeReady', status: true },
      { type: 'NetworkReady', status: true },
    ]);
    expect(JSON.parse(info.config ?? '')).toEqual({ sandboxImage: 'registry.k8s.io/pause:3.10' });
    expect((await runtime.runtimeConfig({})).linux).toBeDefined();
  });

  it('tells of sandboxes and containers as the kubelet named them', async () => {
    const id = await ready();
    const { status } = await runtime.podSandboxStatus({ podSandboxId: id });
    expect(status).toMatchObject({
      ...{ id, metadata: { name: `web-${host.name}`, namespace: 'default', attempt: 0 } },
      linux: { namespaces: { options: { network: NamespaceMode.POD } } },
      network: { ip: expect.stringMatching(/^203\.0\.113\./) as string },
    });
    expect(status?.labels).toMatchObject({ 'io.kubernetes.pod.name': `web-${host.name}` });
    const { containers } = await runtime.listContainers({ filter: { podSandboxId: id } });
    expect(containers).toMatchObject([{ metadata: { name: 'main', attempt: 0 }, podSandboxId: id }]);
    const { status: main } = await runtime.containerStatus({ containerId: containers[0]?.id ?? '' });
    expect(main).toMatchObject({ state: ContainerState.CONTAINER_RUNNING, image: { image }, finishedAt: 0n });
    expect(existsSync(main?.logPath ?? '')).toBe(true);
    expect(Number(main?.startedAt) / 1_000_000).toBeGreaterThan(Date.now() - 10 * deadlineMs);
  });

  it('knows an ID by its beginning, and selects by label', async () => {
    const id = await ready();
    const select = async (filter: object): Promise<number> => (await runtime.listPodSandbox({ filter })).items.length;
    expect(await select({ id: id.slice(0, 13) })).toBe(1);
    expect(await select({ labelSelector: { 'io.kubernetes.pod.namespace': 'default' } })).toBe(1);
    expect(await select({ labelSelector: { 'io.kubernetes.pod.namespace': 'other' } })).toBe(0);
    expect(await codeOf(runtime.podSandboxStatus({ podSandboxId: 'none' }))).toBe(Code.NotFound);
    expect(await codeOf(runtime.containerStatus({ containerId: '' }))).toBe(Code.NotFound);
  });

  it('runs a command', async () => {
    const { containers } = await runtime.listContainers({});
    const cmd = ['sh', '-c', 'echo out; echo err >&2; exit 3'];
    const done = await runtime.execSync({ containerId: containers[0]?.id ?? '', cmd, timeout: 20n });
    expect([done.exitCode, ...[done.stdout, done.stderr].map((one) => Buffer.from(one).toString())]).toEqual([
      ...[3, 'out\n', 'err\n'],
    ]);
  });

  it('stops a sandbox, for which the daemon makes another', async () => {
    const before = await ready();
    await runtime.stopPodSandbox({ podSandboxId: before });
    const replaced = async (): Promise<boolean> => {
      const { items } = await runtime.listPodSandbox({});
      return items.some(({ id, state }) => id !== before && state === PodSandboxState.SANDBOX_READY);
    };
    await until('another sandbox', deadlineMs, replaced, { explain: () => daemon.describe() });
    const isRunning = { filter: { state: { state: ContainerState.CONTAINER_RUNNING } } };
    const runs = async (): Promise<boolean> => (await runtime.listContainers(isRunning)).containers.length > 0;
    await until('the container to run again', deadlineMs, runs, { explain: () => daemon.describe() });
    await host.waitForPod('web', isReady);
  });

  it('tells of images, and that one cannot be pulled', async () => {
    expect(await images.imageStatus({ image: { image } })).toMatchObject({
      image: { repoTags: expect.arrayContaining([image]) as string[] },
    });
    expect((await images.imageStatus({ image: { image: 'nobody.example/nothing:1' } })).image).toBeUndefined();
    expect((await images.listImages({})).images.length).toBeGreaterThan(0);
    const [fs] = (await images.imageFsInfo({})).imageFilesystems;
    expect(existsSync(fs?.fsId?.mountpoint ?? '')).toBe(true);
    expect(fs?.usedBytes?.value).toBeGreaterThan(100_000n);
    await expect(images.pullImage({ image: { image: '203.0.113.250:1/nothing:1' } })).rejects.toThrow(/pull image/);
  });
});

describe('CRI without a daemon', () => {
  it('ends pods as kubeadm reset does, with their network', async () => {
    host.drop('other.yaml', podManifest('other', [sleeper('main')]));
    await host.waitForPod('other', isReady);
    await daemon.stop();
    const { items } = await runtime.listPodSandbox({});
    expect(items.length).toBeGreaterThan(1);
    const twice = async (call: () => Promise<unknown>): Promise<void> => {
      await call();
      await call();
    };
    await Promise.all(items.map(({ id }) => twice(() => runtime.stopPodSandbox({ podSandboxId: id }))));
    await Promise.all(items.map(({ id }) => twice(() => runtime.removePodSandbox({ podSandboxId: id }))));
    expect(await host.containers()).toEqual([]);
    const footprint = await host.footprint();
    expect(footprint).toMatchObject({ links: [], leases: [] });
    expect(existsSync(host.podLogsDir) ? readdirSync(host.containerLogsDir) : []).toEqual([]);
  });

  it('says that Docker does not answer', async () => {
    await host.stopDocker();
    expect((await runtime.status({})).status?.conditions).toMatchObject([
      { type: 'RuntimeReady', status: false, reason: 'DockerDaemonNotReady' },
      { type: 'NetworkReady', status: true },
    ]);
    expect(await codeOf(runtime.listPodSandbox({}))).toBe(Code.Unavailable);
    await host.startDocker();
  });

  it('takes a socket that systemd has opened', async () => {
    const path = join(host.dir, 'passed.sock');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${path}.new`, resolve));
    renameSync(`${path}.new`, path); // closing the server would remove it
    const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
    const script = 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"';
    const child = spawn(
      'nsenter',
      [...enterArgs(host), 'sh', '-c', script, 'sh', process.execPath, podwrightProgram, ...criArgs()],
      {
        stdio: ['ignore', 'ignore', 'inherit', fd],
      },
    );
    server.close(); // or it would accept what is meant for the child
    try {
      const { version } = createClient(RuntimeService, transportTo(path));
      expect(await version({}, { timeoutMs: deadlineMs })).toMatchObject({ runtimeName: 'docker' });
    } finally {
      child.kill();
      expect(await once(child, 'exit')).toEqual([0, null]);
    }
  });
});
