import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cgroupDirectories, labCgroups } from '../lab/cgroups.ts';
import { createHost, startRegistry, sweepDeadRuns, until, type TestHost } from '../lab/index.ts';
import { labDirectory, runOfName } from '../lab/names.ts';
import { processesOf, processStat } from '../lab/processes.ts';

/** Everything that bears a run's name, and the processes that belong to it: empty when the run is gone. */
function traces(run: string): readonly string[] {
  const ofRun = (name: string): boolean => runOfName(name) === run;
  const namespaces = readdirSync('/run/netns').filter(ofRun);
  const directory = `${labDirectory}/${run}`;
  return [
    ...namespaces,
    ...labCgroups().filter(ofRun),
    ...(existsSync(directory) ? [directory] : []),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(run)),
    ...processesOf(directory, namespaces).map((pid) => `process ${pid}`),
  ];
}

function sleeper(host: TestHost): Promise<{ id: string }> {
  return host.docker.createContainer({
    Image: 'podwright-test/busybox:1',
    Cmd: ['sleep', '100000'],
    StopSignal: 'SIGKILL', // dockerd stops it when it starts again
    Labels: { 'io.kubernetes.pod.uid': 'u1' },
    HostConfig: { NetworkMode: 'none' },
    name: 'k8s_app_web_default_u1_0',
  });
}

describe('test hosts', () => {
  let a: TestHost;
  let b: TestHost;

  beforeAll(async () => {
    a = await createHost();
    b = await createHost();
  });
  afterAll(() => {
    a.remove();
    b.remove();
  });

  it('reach each other over IPv4 and IPv6', async () => {
    const pings = [b.address, b.address6].map(async (to) => a.exec('busybox', ['ping', '-c1', '-W2', to]));
    expect((await Promise.all(pings)).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  });

  it('have no way out', async () => {
    const { stdout } = await a.exec('ip', ['route', 'show', 'table', 'all', 'default']);
    expect(stdout).toBe('');
    const ping = await a.exec('busybox', ['ping', '-c1', '-W1', '192.0.2.1']);
    expect(ping.stderr).toContain('Network is unreachable');
  });

  it('have a dockerd each, with the test images, that keeps its containers over its own SIGKILL', async () => {
    const images = await b.docker.listImages();
    expect(images.flatMap(({ RepoTags }) => RepoTags ?? []).sort()).toEqual([
      'podwright-test/busybox:1',
      'podwright-test/busybox:latest',
      'podwright-test/entrypoint:1',
      'podwright-test/nonroot:1',
    ]);
    const { id } = await sleeper(b);
    await b.docker.getContainer(id).start();
    const { pid } = { pid: (await b.docker.getContainer(id).inspect()).State.Pid };
    await b.stopDocker('SIGKILL');
    await expect(b.docker.ping()).rejects.toThrow();
    expect(processStat(pid)).toBeDefined();
    await b.startDocker();
    expect(await a.leaks()).toEqual([]);
    expect(await b.leaks()).toEqual([expect.stringContaining('containers: /k8s_app_web_default_u1_0')]);
  });

  it('have cgroups of their own', () => {
    expect(cgroupDirectories(b.cgroup).length).toBeGreaterThan(0);
  });

  it('pull from a registry of the lab, which fails on demand', async () => {
    const registry = await startRegistry(a);
    const digest = registry.add({ name: 'team/app:1', config: { Cmd: ['true'] } });
    const image = `${registry.endpoint}/team/app:1`;
    const pull = async (): Promise<void> => {
      const progress = await a.docker.pull(image);
      await new Promise<void>((resolve, reject) =>
        a.docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error))),
      );
    };
    await registry.setMode({ kind: 'fail', status: 500 });
    await expect(pull()).rejects.toThrow(/500|unknown/i);
    await registry.setMode({ kind: 'login', username: 'u', password: 'p' });
    await expect(pull()).rejects.toThrow(/unauthorized|no basic auth/i);
    await registry.setMode({ kind: 'serve' });
    await pull();
    const { RepoDigests } = await a.docker.getImage(image).inspect();
    expect(RepoDigests).toEqual([`${registry.endpoint}/team/app@${digest}`]);
    expect(registry.requests().at(-1)).toMatchObject({ method: 'GET' });
    registry.stop();
  });
});

describe('removal', () => {
  it('leaves nothing of a host with running and paused containers, and may be repeated', async () => {
    const host = await createHost();
    const run = runOfName(host.netns) ?? '';
    const { id } = await sleeper(host);
    await host.docker.getContainer(id).start();
    await host.docker.getContainer(id).pause();
    expect(traces(run)).not.toEqual([]);
    host.remove();
    host.remove();
    expect(traces(run)).toEqual([]);
  });

  it('is done by the end of a process that forgot it, also by SIGINT', async () => {
    const child = await holdHost();
    process.kill(child.pid, 'SIGINT');
    await until('the process to end', 20_000, () => processStat(child.pid) === undefined);
    expect(traces(child.run)).toEqual([]);
  });

  it('is done by the next process after a SIGKILL', async () => {
    const child = await holdHost();
    process.kill(child.pid, 'SIGKILL');
    await until('the process to end', 5_000, () => processStat(child.pid) === undefined);
    expect(traces(child.run)).toEqual(expect.arrayContaining([expect.stringMatching(/^process/)]));
    expect(sweepDeadRuns()).toContain(child.run);
    expect(traces(child.run)).toEqual([]);
    expect(sweepDeadRuns()).not.toContain(child.run);
  });
});

interface Holder {
  readonly pid: number;
  readonly run: string;
}

/** A process that makes a host with a running container, and then waits to be killed. */
async function holdHost(): Promise<Holder> {
  const program = fileURLToPath(new URL('../lab/hold-host.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const netns = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data: Buffer) => resolve(String(data))),
  );
  return { pid: child.pid ?? 0, run: runOfName(netns.trim()) ?? '' };
}
