import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type TestHost } from '../lab/index.ts';
import { podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost | undefined;
let daemon: DaemonHandle | undefined;

afterEach(async () => {
  await daemon?.kill9().catch(() => undefined);
  host?.remove();
  host = undefined;
  daemon = undefined;
});

async function started(on: TestHost, options: Parameters<TestHost['startDaemon']>[0] = {}): Promise<DaemonHandle> {
  daemon = on.startDaemon(options);
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
  return daemon;
}

async function allGone(on: TestHost): Promise<void> {
  let left: readonly string[] = [];
  const gone = async (): Promise<boolean> => (left = await on.leaks()).length === 0;
  await until('nothing to be left', 60_000, gone, { intervalMs: 200, explain: () => left.join('\n') });
}

/** Container ID and start time of what runs: the same before and after says that nothing was restarted. */
async function running(on: TestHost): Promise<readonly string[]> {
  const containers = (await on.containers()).filter(({ State }) => State === 'running');
  const inspections = await Promise.all(containers.map(({ Id }) => on.docker.getContainer(Id).inspect()));
  return inspections.map(({ Id, State }) => `${Id.slice(0, 12)} ${State.StartedAt}`).sort();
}

/** A pod that comes and goes, with a mount of its own. */
function passing(name: string): object {
  const container = sleeper('x', { volumeMounts: [{ name: 'memory', mountPath: '/memory' }] });
  const volumes = [{ name: 'memory', emptyDir: { medium: 'Memory' } }];
  return podManifest(name, [container], { terminationGracePeriodSeconds: 1, volumes });
}

/** Makes files until the file system takes no more. Returns the directory that they are in. */
function fill(directory: string): string {
  const ballast = join(directory, 'ballast');
  mkdirSync(ballast);
  for (let index = 0; index < 1_000; index += 1) {
    try {
      writeFileSync(join(ballast, String(index)), '');
    } catch {
      return ballast;
    }
  }
  throw new Error(`${directory} does not fill up`);
}

describe('Docker', () => {
  it('is waited for when it does not run at the start, and the status says so', async () => {
    host = await createHost({ docker: false });
    daemon = host.startDaemon();
    host.drop('early.yaml', podManifest('early', [sleeper('a')]));
    await daemon.waitForLog(({ level, msg }) => level === 'warn' && msg.includes('Docker does not answer'));
    const status = await until('the status', 10_000, async () => host?.status());
    expect(status.node.ready).toBe(false);
    expect(status.node.reason).toMatch(/container runtime is down: .*Docker does not answer/);
    expect(status.pods[0]?.pod.status?.phase).toBe('Pending');
    await host.startDocker();
    const { loadImages, testImages } = await import('../lab/images.ts');
    await loadImages(host.docker, testImages);
    await host.waitForPod('early', isReady, 40_000);
  });

  it('may restart: the pods come back by themselves, and nothing is left of the old ones', async () => {
    host = await createHost();
    await started(host);
    for (const name of ['a', 'b', 'c']) host.drop(`${name}.yaml`, podManifest(name, [sleeper('x')]));
    for (const name of ['a', 'b', 'c']) await host.waitForPod(name, isReady);
    await host.restartDocker('SIGTERM');
    const on = host;
    const restarted = (count: number) => (name: string) =>
      on.waitForPod(
        name,
        (r) => isReady(r) && (r.pod.status?.containerStatuses?.[0]?.restartCount ?? 0) >= count,
        60_000,
      );
    await Promise.all(['a', 'b', 'c'].map(restarted(1)));
    expect((await host.footprint()).links.length).toBe(3);
    await host.restartDocker('SIGKILL');
    await Promise.all(['a', 'b', 'c'].map(restarted(2)));
    for (const name of ['a', 'b', 'c']) host.removeManifest(`${name}.yaml`);
    await allGone(host);
  });

  it('killed with live-restore: no healthy container is restarted', async () => {
    host = await createHost({ dockerArgs: ['--live-restore'] });
    await started(host);
    for (const name of ['a', 'b']) host.drop(`${name}.yaml`, podManifest(name, [sleeper('one'), sleeper('two')]));
    for (const name of ['a', 'b']) await host.waitForPod(name, isReady);
    const before = await running(host);
    await host.restartDocker('SIGKILL');
    await until('Docker to be reached', 30_000, async () => (await host?.status())?.node.ready);
    await delay(2_000);
    expect(await running(host)).toEqual(before);
    for (const name of ['a', 'b']) host.removeManifest(`${name}.yaml`);
    await allGone(host);
  });
});

describe('the daemon', () => {
  it('leaves pods running when it stops, finds them again, and ends those whose manifest went meanwhile', async () => {
    host = await createHost();
    await started(host);
    for (const name of ['stays', 'goes']) host.drop(`${name}.yaml`, podManifest(name, [sleeper('x')]));
    const [stays] = [await host.waitForPod('stays', isReady), await host.waitForPod('goes', isReady)];
    const before = await running(host);
    expect(await daemon?.stop()).toEqual({ code: 0, signal: null });
    expect(await running(host)).toEqual(before);
    host.removeManifest('goes.yaml');
    await started(host);
    const again = await host.waitForPod('stays', isReady);
    expect(again.pod.status?.podIP).toBe(stays.pod.status?.podIP);
    expect(again.pod.status?.startTime).toBe(stays.pod.status?.startTime);
    await until('the orphan to go', 20_000, async () => (await host?.containers())?.length === 2);
    expect(before).toEqual(expect.arrayContaining([...(await running(host))]));
    host.removeManifest('stays.yaml');
    await allGone(host);
  });

  it('keeps the last good pod of a broken manifest over a restart', async () => {
    host = await createHost();
    await started(host);
    host.drop('kept.yaml', podManifest('kept', [sleeper('x')]));
    await host.waitForPod('kept', isReady);
    const before = await running(host);
    await delay(1_500); // checkpoints are written a second later, off the way of a start
    writeFileSync(join(host.manifestDir, 'kept.yaml'), 'kind: [');
    await until('the problem', 10_000, async () => ((await host?.status())?.problems.length ?? 0) > 0);
    await daemon?.kill9();
    await started(host);
    await host.waitForPod('kept', isReady);
    expect(await running(host)).toEqual(before);
  });

  it('is the only one on its root directory', async () => {
    host = await createHost();
    const first = await started(host);
    const second = host.startDaemon();
    expect((await second.waitExit()).code).toBe(1);
    expect(
      second.log().some(({ msg }) => msg.includes(`process ${first.pid}`) && msg.includes('podwright runs already')),
    ).toBe(true);
    await first.kill9();
    await started(host);
  });

  it('leaks nothing of pods that go while they are being started', async () => {
    host = await createHost();
    await started(host);
    for (let round = 0; round < 12; round += 1) {
      host.drop('hasty.yaml', passing(`hasty${round}`));
      await delay(Math.random() * 500);
      host.removeManifest('hasty.yaml');
      await delay(Math.random() * 300);
    }
    await allGone(host);
  });

  it('killed at random points while 20 pods come and go: converges and leaks nothing', async () => {
    host = await createHost();
    await started(host);
    host.drop('steady.yaml', podManifest('steady', [sleeper('x')]));
    await host.waitForPod('steady', isReady);
    const steady = await running(host);
    const names = Array.from({ length: 20 }, (_, index) => `p${index}`);
    for (let round = 0; round < 6; round += 1) {
      for (const name of names) {
        if (Math.random() < 0.5) host.drop(`${name}.yaml`, passing(name));
        else host.removeManifest(`${name}.yaml`);
      }
      await delay(Math.random() * 2_500);
      await daemon?.kill9();
      daemon = host.startDaemon();
    }
    for (const name of names) host.drop(`${name}.yaml`, passing(name));
    for (const name of names) await host.waitForPod(name, isReady, 90_000);
    const footprint = await host.footprint();
    expect({
      containers: footprint.containers.filter((line) => line.includes('running')).length,
      links: footprint.links.length,
    }).toEqual({
      containers: 42,
      links: 21,
    });
    expect(await running(host)).toEqual(expect.arrayContaining([...steady]));
    for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
    await allGone(host);
  });
});

describe('what runs out', () => {
  it('addresses: the pod says so, waits, and continues when one is free', async () => {
    host = await createHost({ podCidr: '203.0.113.0/29' });
    await started(host);
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) host.drop(`${name}.yaml`, podManifest(name, [sleeper('x')]));
    for (const name of names) await host.waitForPod(name, isReady);
    host.drop('late.yaml', podManifest('late', [sleeper('x')]));
    const late = await host.waitForPod('late', ({ lastError }) => lastError !== undefined);
    expect(late.lastError?.message).toMatch(/no IP addresses available in range set: 203\.0\.113\.1-203\.0\.113\.6/);
    const { stdout } = await host.podwright(['status', 'late', '--socket', host.podwrightSocket]);
    expect(stdout).toMatch(/Warning\s+FailedCreatePodSandBox\s+.*no IP addresses available/);
    host.removeManifest('a.yaml');
    await host.waitForPod('late', isReady, 15_000);
  });

  it('host ports: a pod fails when another has its port, and waits when that one is about to end', async () => {
    host = await createHost();
    await started(host);
    const ports = { ports: [{ containerPort: 80, hostPort: 8080 }] };
    host.drop('first.yaml', podManifest('first', [shell('x', 'trap "" TERM; sleep 1000 & wait; wait', ports)]));
    await host.waitForPod('first', isReady);
    host.drop('second.yaml', podManifest('second', [sleeper('x', ports)]));
    const second = await host.waitForPod('second', ({ pod }) => pod.status?.phase === 'Failed');
    expect(second.pod.status).toMatchObject({
      reason: 'NodePorts',
      message:
        "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    });
    host.removeManifest('first.yaml');
    await host.waitForPod('first', ({ terminating }) => terminating);
    host.drop('third.yaml', podManifest('third', [sleeper('x', ports)]));
    const third = await host.waitForPod('third', ({ lastError }) => lastError !== undefined);
    expect(third.lastError?.message).toMatch(/host port tcp\/8080 is taken by sandbox [0-9a-f]{12}/);
    await host.waitForPod('third', isReady, 30_000);
  });

  it('disk under the root directory: pods that run go on, a new one says why it cannot', async () => {
    host = await createHost();
    const full = join(host.dir, 'kubelet');
    mkdirSync(full, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=200', 'tmpfs', full]);
    await started(host);
    host.drop('before.yaml', podManifest('before', [sleeper('x')]));
    await host.waitForPod('before', isReady);
    const before = await running(host);
    const ballast = fill(full);
    const volumes = [{ name: 'data', emptyDir: {} }];
    host.drop(
      'after.yaml',
      podManifest('after', [sleeper('x', { volumeMounts: [{ name: 'data', mountPath: '/data' }] })], { volumes }),
    );
    const after = await host.waitForPod('after', ({ lastError }) => lastError !== undefined);
    expect(after.lastError?.message).toMatch(/ENOSPC|no space|disk is full/i);
    expect(await running(host)).toEqual(expect.arrayContaining([...before]));
    rmSync(ballast, { recursive: true });
    await host.waitForPod('after', isReady, 40_000);
    for (const name of ['before', 'after']) host.removeManifest(`${name}.yaml`);
    await allGone(host);
  });
});
