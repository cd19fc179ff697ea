import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type PodReport, type TestHost } from '../lab/index.ts';
import { podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;

const MiB = 1024 ** 2;
const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');

async function start(kubelet: object, args: readonly string[] = []): Promise<void> {
  daemon = host.startDaemon({ kubelet: { ...kubelet }, args });
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
}

beforeAll(async () => {
  host = await createHost();
  await start({ podPidsLimit: 77 });
});

afterEach(async () => {
  for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
  await until('all pods to be gone', 60_000, async () => (await host.leaks()).length === 0, { intervalMs: 100 });
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
});

const statusOf = ({ pod }: PodReport, name: string) =>
  pod.status?.containerStatuses?.find((status) => status.name === name);
/** Type, reason and message of the conditions that tell of a resize. */
const resizes = ({ pod }: PodReport): readonly (string | undefined)[][] =>
  (pod.status?.conditions ?? [])
    .filter(({ type }) => type.startsWith('PodResize'))
    .map(({ type, reason, message }) => [type, reason, message]);
const isFailed = ({ pod }: PodReport): boolean => pod.status?.phase === 'Failed';
const idOf = (report: PodReport, name: string): string =>
  statusOf(report, name)?.containerID?.slice('docker://'.length) ?? '';

/** A file of a cgroup (v1: of the one of its controller), below `kubepods`. */
function cgroupFile(controller: string, path: string, file: string): string {
  const group = join(host.cgroup, 'kubepods', path, file);
  return readFileSync(join('/sys/fs/cgroup', ...(isUnified ? [] : [controller]), group), 'utf8').trim();
}

/** Bytes of memory of this machine. */
function memTotal(): number {
  const [line = ''] = /^MemTotal:.*$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
  return Number(/\d+/.exec(line)?.[0]) * 1024;
}

/** What limits a cgroup: [shares, quota, bytes]. */
function limits(path: string): unknown[] {
  const memory = Number(cgroupFile('memory', path, 'memory.limit_in_bytes'));
  return [
    Number(cgroupFile('cpu', path, 'cpu.shares')),
    Number(cgroupFile('cpu', path, 'cpu.cfs_quota_us')),
    memory >= 2 ** 53 ? 'unlimited' : memory / MiB,
  ];
}

async function events(name: string): Promise<string> {
  const { stdout } = await host.podwright(['status', name, '--socket', host.podwrightSocket]);
  return stdout.slice(stdout.indexOf('Events:'));
}

const resources = (requests: object, more: object = {}) => ({ resources: { requests, ...more } });

/** A pod that can change while it runs. */
function ownUid(name: string, containers: readonly object[], spec: object = {}): object {
  const manifest = podManifest(name, containers, spec) as { metadata: object };
  return { ...manifest, metadata: { ...manifest.metadata, uid: `uid-${name}` } };
}

describe.skipIf(isUnified)('cgroups', () => {
  it('of a pod and its class hold what the pod asks for', async () => {
    const limited = { limits: { cpu: '300m', memory: '96Mi' } };
    host.drop('burst.yaml', podManifest('burst', [sleeper('a', resources({ cpu: '250m' }, limited)), sleeper('b')]));
    host.drop('guarded.yaml', podManifest('guarded', [sleeper('a', { resources: limited })]));
    host.drop('best.yaml', podManifest('best', [sleeper('a')]));
    const burst = await host.waitForPod('burst', isReady);
    const guarded = await host.waitForPod('guarded', isReady);
    const best = await host.waitForPod('best', isReady);
    const path = ({ pod }: PodReport, qos = ''): string => join(qos, `pod${pod.metadata.uid}`);
    expect(limits(path(burst, 'burstable'))).toEqual([256, -1, 'unlimited']);
    expect(limits(join(path(burst, 'burstable'), idOf(burst, 'a')))).toEqual([256, 30_000, 96]);
    expect(limits(join(path(burst, 'burstable'), idOf(burst, 'b')))).toEqual([2, -1, 'unlimited']);
    expect(limits(path(guarded))).toEqual([307, 30_000, 96]);
    expect(cgroupFile('pids', path(guarded), 'pids.max')).toBe('77');
    expect(cgroupFile('cpu', path(best, 'besteffort'), 'cpu.shares')).toBe('2');
    const shares = (): string => cgroupFile('cpu', 'burstable', 'cpu.shares');
    await until('the class to have what its pods ask for', 10_000, () => shares() === '256');
    host.removeManifest('burst.yaml');
    await until('the class to have less again', 20_000, () => shares() === '2');
    expect(Number(cgroupFile('memory', '', 'memory.limit_in_bytes'))).toBe(memTotal());
  });
});

describe('a container that runs out of memory', () => {
  it('is killed, and says so', async () => {
    const greedy = 'x=a; while true; do x=$x$x; done';
    const container = shell('app', greedy, { resources: { limits: { memory: '16Mi' } } });
    host.drop('oom.yaml', podManifest('oom', [container], { restartPolicy: 'Never' }));
    const failed = await host.waitForPod('oom', isFailed);
    expect(statusOf(failed, 'app')?.state?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
  });
});

describe.skipIf(isUnified)('a resize', () => {
  it('changes the limits of what runs, up and down, also to none; other edits restart or replace', async () => {
    const container = (cpu: object, memory: object, more: object = {}) =>
      sleeper('a', {
        resources: { requests: { cpu: '100m', memory: '32Mi', ...cpu }, limits: { ...cpu, ...memory } },
        ...more,
      });
    const drop = (...containers: readonly object[]): void =>
      host.drop(
        'grow.yaml',
        ownUid('grow', [...containers, sleeper('b', resources({}, { limits: { cpu: '50m', memory: '32Mi' } }))]),
      );
    const pod = 'burstable/poduid-grow';
    drop(container({ cpu: '100m' }, { memory: '64Mi' }));
    const before = await host.waitForPod('grow', isReady);
    const [a, b] = [idOf(before, 'a'), idOf(before, 'b')];
    const both = (): unknown[] => [limits(pod), limits(join(pod, a))];
    expect(both()).toEqual([
      [153, 15_000, 96],
      [102, 10_000, 64],
    ]);
    const become = async (expected: unknown[]): Promise<void> => {
      await until(JSON.stringify(expected), 20_000, () => JSON.stringify(both()) === JSON.stringify(expected), {
        explain: () => JSON.stringify(both()),
      });
    };

    drop(container({ cpu: '200m' }, { memory: '128Mi' }));
    await become([
      [256, 25_000, 160],
      [204, 20_000, 128],
    ]);
    drop(container({ cpu: '70m' }, { memory: '48Mi' }));
    await become([
      [122, 12_000, 80],
      [71, 7_000, 48],
    ]);
    drop(sleeper('a', resources({ cpu: '70m', memory: '32Mi' })));
    await become([
      [122, -1, 'unlimited'],
      [71, -1, 'unlimited'],
    ]);
    const after = await host.waitForPod('grow', isReady);
    expect([idOf(after, 'a'), idOf(after, 'b')]).toEqual([a, b]);
    expect(statusOf(after, 'a')?.restartCount).toBe(0);
    expect(await events('grow')).toContain('ResizeCompleted');

    drop(sleeper('a', { ...resources({ cpu: '70m', memory: '32Mi' }), image: 'podwright-test/nonroot:1' }));
    const image = await host.waitForPod(
      'grow',
      (report) => isReady(report) && statusOf(report, 'a')?.restartCount === 1,
    );
    expect(idOf(image, 'b')).toBe(b);
    drop(sleeper('a', { ...resources({ cpu: '70m', memory: '32Mi' }), env: [{ name: 'NEW', value: '1' }] }));
    const replaced = await host.waitForPod('grow', (report) => isReady(report) && idOf(report, 'b') !== b);
    expect(statusOf(replaced, 'a')?.restartCount).toBe(0);
  });

  it('by a restart, where the container asks for that, of it alone', async () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    const drop = (memory: string, cpu: string): void =>
      host.drop(
        'again.yaml',
        ownUid('again', [
          sleeper('a', { resizePolicy, resources: { limits: { cpu, memory } } }),
          sleeper('b', { resources: { limits: { cpu: '50m', memory: '32Mi' } } }),
        ]),
      );
    drop('32Mi', '50m');
    const before = await host.waitForPod('again', isReady);
    const memoryOf = (report: PodReport, name: string): unknown => limits(join('poduid-again', idOf(report, name)))[2];
    drop('64Mi', '50m');
    const restarts = (count: number) => (report: PodReport) =>
      isReady(report) && statusOf(report, 'a')?.restartCount === count;
    const grown = await host.waitForPod('again', restarts(1));
    expect([memoryOf(grown, 'a'), memoryOf(grown, 'b'), idOf(grown, 'b')]).toEqual([64, 32, idOf(before, 'b')]);
    await until('the pod to be as large', 10_000, () => limits('poduid-again')[2] === 96);
    drop('64Mi', '80m');
    await until('the CPU without a restart', 10_000, () => limits(join('poduid-again', idOf(grown, 'a')))[1] === 8_000);
    expect(idOf(await host.waitForPod('again', isReady), 'a')).toBe(idOf(grown, 'a'));
  });

  it('below what is used fails, is told, and leaves everything as it runs', async () => {
    const script =
      'dd if=/dev/zero of=/dev/shm/full bs=1M count=24; touch /tmp/full; trap "exit 0" TERM; sleep 100000 & wait';
    const readinessProbe = { exec: { command: ['cat', '/tmp/full'] }, periodSeconds: 1 };
    const drop = (memory: string): void =>
      host.drop(
        'full.yaml',
        ownUid('full', [shell('a', script, { readinessProbe, resources: { limits: { cpu: '1', memory } } })]),
      );
    drop('64Mi');
    const before = await host.waitForPod('full', isReady);
    drop('12Mi');
    await until('the event', 20_000, async () => (await events('full')).includes('ResizeError'));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const after = await host.waitForPod('full', isReady);
    expect(limits(join('poduid-full', idOf(after, 'a')))[2]).toBe(64);
    expect(idOf(after, 'a')).toBe(idOf(before, 'a'));
    expect(after.lastError?.message).toContain('could not be resized');
    expect(resizes(after)).toEqual([['PodResizeInProgress', 'Error', after.lastError?.message]]);
    expect(statusOf(after, 'a')).toMatchObject({
      allocatedResources: { cpu: '1', memory: '12Mi' },
      resources: statusOf(before, 'a')?.resources,
    });
    const told = (await events('full')).split('\n').filter((line) => line.includes('ResizeError'));
    expect(told).toHaveLength(1);
    expect(told[0]).not.toMatch(/\(x\d/);
    drop('128Mi');
    await until('the larger limit', 20_000, () => limits(join('poduid-full', idOf(after, 'a')))[2] === 128);
    await host.waitForPod('full', (report) => isReady(report) && resizes(report).length === 0);
  });

  it('that does not fit on the node waits for room, and leaves the pod as it runs', async () => {
    const most = Math.floor((0.6 * memTotal()) / MiB);
    const drop = (memory: string): void =>
      host.drop('wide.yaml', ownUid('wide', [sleeper('a', { resources: { limits: { cpu: '50m', memory } } })]));
    host.drop('holder.yaml', podManifest('holder', [sleeper('a', resources({ memory: `${most}Mi` }))]));
    drop('32Mi');
    await host.waitForPod('holder', isReady);
    const before = await host.waitForPod('wide', isReady);
    const limit = (): unknown => limits(join('poduid-wide', idOf(before, 'a')))[2];

    const waiting = async (memory: string, reason: string, message: string): Promise<void> => {
      drop(memory);
      const report = await host.waitForPod('wide', (one) => resizes(one)[0]?.[1] === reason);
      expect(resizes(report)).toEqual([['PodResizePending', reason, expect.stringContaining(message) as string]]);
      expect(statusOf(report, 'a')?.allocatedResources).toEqual({ cpu: '50m', memory: '32Mi' });
      expect(limit()).toBe(32);
    };
    await waiting('100Ti', 'Infeasible', `Node didn't have enough capacity: memory, requested: ${100 * 1024 ** 4}, `);
    await waiting(`${most}Mi`, 'Deferred', "Node didn't have enough resource: memory, requested: ");
    expect(await events('wide')).toMatch(/ResizeInfeasible[^]*ResizeDeferred/);
    host.removeManifest('holder.yaml');
    await until('the room', 30_000, () => limit() === most);
    const after = await host.waitForPod('wide', (report) => isReady(report) && resizes(report).length === 0);
    expect(idOf(after, 'a')).toBe(idOf(before, 'a'));
  });
});

describe('admission', () => {
  const port = (hostPort: number) => ({ ports: [{ containerPort: 80, hostPort }] });
  const refusals: readonly (readonly [string, object, object, string, string])[] = [
    ['port', port(8080), {}, 'NodePorts', "Predicate NodePorts failed: node(s) didn't have free ports"],
    ['selector', {}, { nodeSelector: { disk: 'tape' } }, 'NodeAffinity', 'Predicate NodeAffinity failed: '],
    ['cpu', resources({ cpu: '1000' }), {}, 'UnexpectedAdmissionError', 'no set of running pods found to reclaim'],
  ];

  it('refuses what does not fit, for good, and what was taken is not judged again', async () => {
    await daemon.stop();
    await start({ maxPods: 5 }, ['--node-labels', 'disk=ssd']);
    const selected = { nodeSelector: { disk: 'ssd' } };
    host.drop('taken.yaml', podManifest('taken', [sleeper('a', port(8080))], selected));
    const taken = await host.waitForPod('taken', isReady);
    for (const [name, container, spec] of refusals) {
      host.drop(`${name}.yaml`, podManifest(name, [sleeper('a', container)], spec));
    }
    const failed = new Map<string, PodReport['pod']['status']>();
    for (const [name, , , reason, message] of refusals) {
      const { pod } = await host.waitForPod(name, isFailed);
      expect(pod.status).toMatchObject({ phase: 'Failed', reason });
      expect(pod.status?.message).toMatch(/^Pod was rejected: /);
      expect(pod.status?.message).toContain(message);
      expect(await events(name)).toContain(reason);
      failed.set(name, pod.status);
    }
    const ids = async (): Promise<string[]> => (await host.containers()).map(({ Id }) => Id).sort();
    const before = await ids();
    expect(before).toHaveLength(2);

    await daemon.stop();
    // The label that the pod wants and the port that another one waits for are not there, or free, any more.
    await start({ maxPods: 1 }, ['--node-labels', 'disk=tape']);
    for (const [name] of refusals) expect((await host.waitForPod(name, isFailed)).pod.status).toEqual(failed.get(name));
    expect((await host.waitForPod('taken', isReady)).pod.status).toEqual(taken.pod.status);
    expect(await ids()).toEqual(before);

    host.drop('many.yaml', podManifest('many', [sleeper('a')]));
    const many = await host.waitForPod('many', isFailed);
    expect(many.pod.status?.message).toContain('reclaim resources: [(res: pods, q: 1)');
    host.removeManifest('taken.yaml');
    await host.waitForNoPod('taken');
    expect((await host.waitForPod('many', isFailed)).pod.status).toEqual(many.pod.status);
    host.drop('next.yaml', podManifest('next', [sleeper('a')], { nodeSelector: { disk: 'tape' } }));
    await host.waitForPod('next', isReady);
  });
});

describe.skipIf(isUnified)('without cgroups of pods', () => {
  it('containers are where Docker puts them', async () => {
    await daemon.stop();
    await start({ cgroupsPerQOS: false, enforceNodeAllocatable: [] });
    host.drop('plain.yaml', podManifest('plain', [sleeper('a', { resources: { limits: { memory: '32Mi' } } })]));
    const plain = await host.waitForPod('plain', isReady);
    const group = join('/sys/fs/cgroup/memory', host.cgroup, idOf(plain, 'a'));
    expect(readFileSync(join(group, 'memory.limit_in_bytes'), 'utf8').trim()).toBe(String(32 * MiB));
    expect(
      existsSync(join('/sys/fs/cgroup/memory', host.cgroup, `kubepods/burstable/pod${plain.pod.metadata.uid}`)),
    ).toBe(false);
  });
});
