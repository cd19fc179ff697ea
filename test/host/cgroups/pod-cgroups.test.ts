import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exec } from '../../../cni/index.ts';
import { systemClock } from '../../../agent/clock.ts';
import { defaultCpuQuota } from '../../../agent/cgroups/cpu.ts';
import { createPodCgroups, type PodCgroups, type PodCgroupsDeps } from '../../../agent/cgroups/pod-cgroups.ts';
import { cgroupVersion } from '../../../agent/cgroups/files.ts';
import { kubepodsResources } from '../../../agent/cgroups/resources-plan.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { removeCgroup } from '../../lab/cgroups.ts';
import { container, pod } from '../../unit/pods/fixtures.ts';

const mountPoint = '/sys/fs/cgroup';
const group = `pw-cgroups-${process.pid}`;
const signal = new AbortController().signal;
const MiB = 1024 ** 2;

let warnings: object[];
let cgroups: PodCgroups;

function create(extra: Partial<PodCgroupsDeps> = {}): PodCgroups {
  return createPodCgroups({
    settings: () => ({ driver: 'cgroupfs', root: `/${group}` }),
    version: 1,
    kubepods: kubepodsResources({ cpuMillis: 2000, memoryBytes: 512 * MiB, pids: 1000 }),
    cpuQuota: defaultCpuQuota,
    podPidsLimit: undefined,
    hugepageSizes: [],
    singleProcessOomKill: true,
    exec,
    clock: systemClock,
    log: { warn: (fields) => void warnings.push(fields) },
    ...extra,
  });
}

function podOf(uid: string, resources: Pod['spec']['containers'][number]['resources'] = {}): Pod {
  const { limits = {}, requests = {} } = resources;
  const made = pod({ containers: [container('app', { resources: { limits, requests: { ...limits, ...requests } } })] });
  return { ...made, metadata: { ...made.metadata, uid } };
}

const read = async (controller: string, path: string): Promise<string> =>
  (await readFile(join(mountPoint, controller, group, path), 'utf8')).trim();

const exists = (controller: string, path: string): Promise<boolean> =>
  access(join(mountPoint, controller, group, path)).then(
    () => true,
    () => false,
  );

beforeEach(() => {
  warnings = [];
  cgroups = create();
});
afterEach(() => removeCgroup(group));

const version = await cgroupVersion(mountPoint);

describe.runIf(version === 1)('on cgroup v1', () => {
  test('a pod with limits has them, and its class has what its pods request', async () => {
    const limited = podOf('a-1', {
      requests: { cpu: '500m', memory: '64Mi' },
      limits: { cpu: '1500m', memory: '128Mi' },
    });
    cgroups = create({ podPidsLimit: 100 });
    await cgroups.ensureQos([limited], signal);
    await cgroups.ensurePod(limited, signal);
    const values = {
      kubepodsShares: await read('cpu', 'kubepods/cpu.shares'),
      kubepodsMemory: await read('memory', 'kubepods/memory.limit_in_bytes'),
      kubepodsPids: await read('pids', 'kubepods/pids.max'),
      burstableShares: await read('cpu', 'kubepods/burstable/cpu.shares'),
      bestEffortShares: await read('cpu', 'kubepods/besteffort/cpu.shares'),
      shares: await read('cpu', 'kubepods/burstable/poda-1/cpu.shares'),
      quota: await read('cpu', 'kubepods/burstable/poda-1/cpu.cfs_quota_us'),
      memory: await read('memory', 'kubepods/burstable/poda-1/memory.limit_in_bytes'),
      pids: await read('pids', 'kubepods/burstable/poda-1/pids.max'),
    };
    expect(values).toEqual({
      kubepodsShares: '2048',
      kubepodsMemory: String(512 * MiB),
      kubepodsPids: '1000',
      burstableShares: '512',
      bestEffortShares: '2',
      shares: '512',
      quota: '150000',
      memory: String(128 * MiB),
      pids: '100',
    });
    expect(warnings).toEqual([]);
  });

  test('a pod that asks for nothing has a directory where it has something to say', async () => {
    await cgroups.ensurePod(podOf('b'), signal);
    expect(await read('cpu', 'kubepods/besteffort/podb/cpu.shares')).toBe('2');
    expect(await exists('memory', 'kubepods')).toBe(false);
  });

  test('a resize writes the new values', async () => {
    await cgroups.ensurePod(podOf('c', { limits: { cpu: '1', memory: '64Mi' } }), signal);
    await cgroups.ensurePod(podOf('c', { limits: { cpu: '2', memory: '32Mi' } }), signal);
    expect(await read('cpu', 'kubepods/podc/cpu.cfs_quota_us')).toBe('200000');
    expect(await read('memory', 'kubepods/podc/memory.limit_in_bytes')).toBe(String(32 * MiB));
  });

  test('a cgroup that somebody removed is made again', async () => {
    await cgroups.ensurePod(podOf('d', { requests: { cpu: '100m' } }), signal);
    await rmdir(join(mountPoint, 'cpu', group, 'kubepods/burstable/podd'));
    await cgroups.ensurePod(podOf('d', { requests: { cpu: '200m' } }), signal);
    expect(await read('cpu', 'kubepods/burstable/podd/cpu.shares')).toBe('204');
  });

  test('what the kernel refuses is told with file and value', async () => {
    const parent = join(mountPoint, 'cpu', group, 'kubepods');
    await mkdir(parent, { recursive: true });
    await writeFile(join(parent, 'cpu.cfs_quota_us'), '100000');
    await expect(cgroups.ensurePod(podOf('e', { limits: { cpu: '2' } }), signal)).rejects.toThrow(
      `cannot write 200000 to ${parent}/burstable/pode/cpu.cfs_quota_us`,
    );
  });

  test('a controller that is not there is done without', async () => {
    cgroups = create({ hugepageSizes: [2 * MiB] });
    await cgroups.ensurePod(podOf('f'), signal);
    expect(await read('cpu', 'kubepods/besteffort/podf/cpu.shares')).toBe('2');
    expect(await exists('hugetlb', '..')).toBe(false);
  });

  test('pods on disk are found, of every class, also by another daemon', async () => {
    await cgroups.ensurePod(podOf('g-1'), signal);
    await cgroups.ensurePod(podOf('g-2', { requests: { cpu: '1' } }), signal);
    await cgroups.ensurePod(podOf('g-3', { limits: { cpu: '1', memory: '64Mi' } }), signal);
    await cgroups.ensureQos([], signal);
    expect([...(await create().podUids())].sort()).toEqual(['g-1', 'g-2', 'g-3']);
  });

  test('removal kills what is left in the pod, frozen or below a container, and nothing else', async () => {
    const uids = ['h-1', 'h-2'];
    for (const uid of uids) await cgroups.ensurePod(podOf(uid), signal);
    const [victim, frozen, other] = [sleeper(), sleeper(), sleeper()];
    await Promise.all([victim, frozen, other].map((child) => once(child, 'spawn')));
    const place = async (controller: string, path: string, pid: number | undefined): Promise<void> => {
      await mkdir(join(mountPoint, controller, group, path), { recursive: true });
      await writeFile(join(mountPoint, controller, group, path, 'cgroup.procs'), String(pid));
    };
    await place('cpu', 'kubepods/besteffort/podh-1/container', victim.pid);
    await place('freezer', 'kubepods/besteffort/podh-1/container', frozen.pid);
    await writeFile(join(mountPoint, 'freezer', group, 'kubepods/besteffort/podh-1/container/freezer.state'), 'FROZEN');
    await place('cpu', 'kubepods/besteffort/podh-2', other.pid);
    const ends = [victim, frozen].map((child) => once(child, 'exit'));

    await cgroups.removePod('h-1', signal);

    expect((await Promise.all(ends)).map(([, name]) => name as string)).toEqual(['SIGKILL', 'SIGKILL']);
    expect(await cgroups.podUids()).toEqual(['h-2']);
    expect(other.exitCode).toBe(null);
    const end = once(other, 'exit');
    await cgroups.removePod('h-2', signal);
    await end;
    expect(await cgroups.podUids()).toEqual([]);
    await cgroups.removePod('h-2', signal);
  });

  test('a pod costs less than 2 ms', async () => {
    const uids = Array.from({ length: 100 }, (_, index) => `t-${index}`);
    const ensure = (uid: string): Promise<void> => cgroups.ensurePod(podOf(uid, { requests: { cpu: '10m' } }), signal);
    await ensure('first');
    const made = await medianMs(uids, ensure);
    const again = await medianMs(uids, ensure);
    const removed = await medianMs(uids, (uid) => cgroups.removePod(uid, signal));
    console.log(`median a pod, ms: ${made.toFixed(2)}, again ${again.toFixed(2)}, removed in ${removed.toFixed(2)}`);
    expect(made).toBeLessThan(2);
    expect(again).toBeLessThan(0.5);
  });
});

async function medianMs(uids: readonly string[], run: (uid: string) => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (const uid of uids) {
    const start = performance.now();
    await run(uid);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

const unified = join(mountPoint, 'unified');
const controllers = await readFile(join(unified, 'cgroup.controllers'), 'utf8').catch(() => '');

describe.runIf(controllers.includes('hugetlb'))('on cgroup v2 with hugetlb alone', () => {
  const control = join(unified, 'cgroup.subtree_control');
  let wasEnabled: boolean;
  beforeAll(async () => {
    wasEnabled = (await readFile(control, 'utf8')).includes('hugetlb');
  });
  afterAll(async () => {
    if (!wasEnabled) await writeFile(control, '-hugetlb');
  });

  test('huge pages are limited, and what has no controller is left out', async () => {
    cgroups = create({ version: 2, root: unified, hugepageSizes: [2 * MiB] });
    const huge = podOf('v2', { limits: { cpu: '1', memory: '64Mi', 'hugepages-2Mi': '4Mi' } });
    await cgroups.ensureQos([huge], signal);
    await cgroups.ensurePod(huge, signal);
    expect(await read('unified', 'kubepods/podv2/hugetlb.2MB.max')).toBe(String(4 * MiB));
    expect(await cgroups.podUids()).toEqual(['v2']);
    await cgroups.removePod('v2', signal);
    expect(await cgroups.podUids()).toEqual([]);
    expect(warnings).toEqual([]);
  });
});

function sleeper(): ReturnType<typeof spawn> {
  return spawn('sleep', ['600'], { stdio: 'ignore' });
}
