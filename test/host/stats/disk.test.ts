import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCgroupReader, createPodStats, nodeStats } from '../../../agent/stats/index.ts';
import { fileSystemStats } from '../../../agent/stats/node-stats.ts';
import { podLogDirectory } from '../../../agent/runtime/docker/logs.ts';
import { emptyDirPath } from '../../../agent/volumes/paths.ts';
import { evictable } from '../../unit/eviction/pods.ts';

const KiB = 1024;
const signal = new AbortController().signal;
const cgroups = createCgroupReader('/sys/fs/cgroup', 1);

/** A file system of 4 MiB and 64 inodes, with a root directory on it. */
let directory: string;
let rootDir: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pw-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,nr_inodes=64', 'pw-stats', directory]);
  rootDir = join(directory, 'kubelet');
  mkdirSync(rootDir);
});
afterAll(() => {
  execFileSync('umount', [directory]);
  rmSync(directory, { recursive: true });
});

describe('a file system', () => {
  test('tells bytes and inodes, and follows what is written', async () => {
    const before = await fileSystemStats(rootDir);
    expect(before).toMatchObject({ bytes: { capacity: 4096 * KiB }, inodes: { capacity: 64 } });
    writeFileSync(join(rootDir, 'file'), Buffer.alloc(1024 * KiB));
    const after = await fileSystemStats(rootDir);
    rmSync(join(rootDir, 'file'));
    expect((before?.bytes.available ?? 0) - (after?.bytes.available ?? 0)).toBe(1024 * KiB);
    expect((before?.inodes?.available ?? 0) - (after?.inodes?.available ?? 0)).toBe(1);
  });

  test('of a directory that is not there has nothing to tell', async () => {
    expect(await fileSystemStats(join(directory, 'none'))).toBeUndefined();
  });

  test('of images is known to be another one, or the same', async () => {
    const stats = (imageDir: string) => nodeStats({ rootDir, imageDir, cgroups, podsCgroup: 'none' });
    const [own, shared] = await Promise.all([stats('/'), stats(directory)]);
    expect(own.imageFs?.device).not.toBe(own.nodeFs?.device);
    expect(shared.imageFs?.device).toBe(shared.nodeFs?.device);
    expect(shared.podsMemory).toBeUndefined();
    expect(shared.pids?.available).toBeGreaterThan(0);
    expect(shared.pids?.available).toBeLessThan(shared.pids?.capacity ?? 0);
  });
});

test("a pod's disk is its emptyDirs, its logs with those that were rotated, and its layers", async () => {
  const pod = evictable('pod-1', {
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'memory', emptyDir: { medium: 'Memory' } },
      { name: 'host', hostPath: { path: '/' } },
    ],
  });
  const podDir = (uid: string): string => join(rootDir, 'pods', uid);
  const podLogsDir = join(directory, 'pod-logs');
  const data = emptyDirPath(podDir('pod-1'), 'data');
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'file'), Buffer.alloc(64 * KiB));

  const docker = join(directory, 'docker');
  const logs = join(podLogDirectory(podLogsDir, pod.metadata), 'app');
  for (const made of [docker, logs]) mkdirSync(made, { recursive: true });
  for (const name of ['id-json.log', 'id-json.log.1', 'other-json.log']) {
    writeFileSync(join(docker, name), Buffer.alloc(8 * KiB));
  }
  symlinkSync(join(docker, 'id-json.log'), join(logs, '0.log'));
  symlinkSync(join(docker, 'gone-json.log'), join(logs, '1.log'));

  const asked: string[] = [];
  const stats = createPodStats({
    cgroups,
    cgroupSettings: () => ({ driver: 'cgroupfs', root: '' }),
    layers: (uid) => {
      asked.push(uid);
      return Promise.resolve(new Map([['app', 12 * KiB]]));
    },
    podDir,
    podLogsDir,
  });
  const app = { logs: { bytes: 16 * KiB, inodes: 2 }, memoryBytes: undefined };
  const expected = { memoryBytes: undefined, processes: undefined, volumes: new Map() };
  const volumes = new Map([['data', { bytes: 64 * KiB, inodes: 2 }]]);

  expect(await stats.disk(pod, false, signal)).toEqual({
    ...expected,
    volumes,
    containers: new Map([['app', { ...app, layer: { bytes: 0, inodes: 0 } }]]),
  });
  expect(asked).toEqual([]);
  expect(await stats.disk(pod, true, signal)).toEqual({
    ...expected,
    volumes,
    containers: new Map([['app', { ...app, layer: { bytes: 12 * KiB, inodes: 0 } }]]),
  });
  expect(asked).toEqual(['pod-1']);
  await expect(stats.disk(pod, false, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
});
