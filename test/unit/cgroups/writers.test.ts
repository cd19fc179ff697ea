import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ExecRequest } from '../../../cni/index.ts';
import { defaultCpuQuota } from '../../../agent/cgroups/cpu.ts';
import { cgroupVersion, createCgroupFiles } from '../../../agent/cgroups/files.ts';
import type { CgroupDriver } from '../../../agent/cgroups/names.ts';
import { createPodCgroups, type PodCgroups } from '../../../agent/cgroups/pod-cgroups.ts';
import { systemClock } from '../../../agent/clock.ts';
import { container, pod } from '../pods/fixtures.ts';

const signal = new AbortController().signal;
let root: string;
let warned: string[];
let calls: ExecRequest[];

const log = {
  warn: (fields: object): void => void warned.push((fields as { controller: string }).controller),
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pw-cgroups-'));
  [warned, calls] = [[], []];
});
afterEach(() => rm(root, { recursive: true }));

function create(driver: CgroupDriver, singleProcessOomKill = false): PodCgroups {
  return createPodCgroups({
    settings: () => ({ driver, root: '' }),
    version: 2,
    root,
    kubepods: { cpuShares: 2048 },
    cpuQuota: defaultCpuQuota,
    podPidsLimit: undefined,
    hugepageSizes: [],
    singleProcessOomKill,
    exec: (request) => {
      calls.push(request);
      return Promise.resolve({ stdout: '', stderr: '' });
    },
    clock: systemClock,
    log,
  });
}

/** A directory that looks like a cgroup v2 hierarchy in which no cgroup gets any files. */
async function fakeHierarchy(controllers: string): Promise<void> {
  await writeFile(join(root, 'cgroup.controllers'), `${controllers}\n`);
  await writeFile(join(root, 'cgroup.subtree_control'), '');
}

test('a controller whose files do not come is left out and said once; the others are written', async () => {
  await fakeHierarchy('cpu memory');
  await mkdir(join(root, 'p'));
  await writeFile(join(root, 'p', 'memory.max'), '');
  const files = createCgroupFiles({ version: 2, root, log });
  const wanted = [
    { controller: 'cpu', name: 'cpu.weight', value: '1' },
    { controller: 'cpu', name: 'cpu.max', value: 'max 1000' },
    { controller: 'memory', name: 'memory.max', value: '42' },
    { controller: 'pids', name: 'pids.max', value: '7' },
  ] as const;
  await files.write('p', wanted);
  await files.write('q', wanted.slice(0, 2));
  expect(warned).toEqual(['cpu']);
  expect(await readFile(join(root, 'p', 'memory.max'), 'utf8')).toBe('42');
});

test('the version is that of the hierarchy that is mounted alone', async () => {
  expect(await cgroupVersion(root)).toBe(1);
  await fakeHierarchy('cpu');
  expect(await cgroupVersion(root)).toBe(2);
});

test('with systemd each slice is set once, and again when it changes', async () => {
  const cgroups = create('systemd');
  const one = (cpu: string): ReturnType<typeof pod> =>
    pod({ containers: [container('app', { resources: { requests: { cpu } } })] });
  await cgroups.ensureQos([one('1')], signal);
  await cgroups.ensureQos([one('1')], signal);
  await cgroups.ensurePod(one('1'), signal);
  await cgroups.ensurePod(one('2'), signal);
  expect(calls.map(({ file, args }) => [file, ...args].join(' '))).toEqual([
    'systemctl set-property --runtime -- kubepods.slice CPUWeight=79',
    'systemctl set-property --runtime -- kubepods-burstable.slice CPUWeight=39',
    'systemctl set-property --runtime -- kubepods-besteffort.slice CPUWeight=1',
    'systemctl set-property --runtime -- kubepods-burstable-podu1.slice CPUWeight=39',
    'systemctl set-property --runtime -- kubepods-burstable-podu1.slice CPUWeight=79',
  ]);
});

test('with systemd the slices that are there are stopped, their directories removed, and found before', async () => {
  const slice = 'kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podu_1.slice';
  await mkdir(join(root, slice), { recursive: true });
  const cgroups = create('systemd');
  expect(await cgroups.podUids()).toEqual(['u-1']);
  await cgroups.removePod('u-1', signal);
  expect(await cgroups.podUids()).toEqual([]);
  expect(calls.map(({ args }) => args.join(' '))).toEqual([
    'stop -- kubepods-burstable-podu_1.slice',
    'revert -- kubepods-burstable-podu_1.slice',
  ]);
});

test.each([
  ['cgroupfs', false, 'kubepods/besteffort/podu1/c1', '1'],
  ['systemd', false, 'kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podu1.slice/docker-c1.scope', '1'],
  ['cgroupfs', true, 'kubepods/besteffort/podu1/c1', '0'],
] as const)('out of memory, with %s and single processes %s', async (driver, single, path, expected) => {
  const file = join(root, path, 'memory.oom.group');
  await mkdir(join(root, path), { recursive: true });
  await writeFile(file, '0');
  await create(driver, single).groupOomKill(pod(), 'c1');
  await create(driver, single).groupOomKill(pod(), 'gone');
  expect(await readFile(file, 'utf8')).toBe(expected);
});

test.each(['..', 'a/../..', '', '/'])('a UID of %j names no cgroup', async (uid) => {
  await expect(create('cgroupfs').removePod(uid, signal)).rejects.toThrow('cannot name a cgroup');
});
