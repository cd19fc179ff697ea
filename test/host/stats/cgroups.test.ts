import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cgroupVersion } from '../../../agent/cgroups/files.ts';
import { createCgroupReader, type CgroupReader } from '../../../agent/stats/index.ts';
import { nodeMemory } from '../../../agent/stats/node-stats.ts';
import { removeCgroup } from '../../lab/cgroups.ts';
import { until } from '../../lab/index.ts';

const MiB = 1024 ** 2;
const mountPoint = '/sys/fs/cgroup';
const group = `pw-stats-${process.pid}`;

/** Allocates memory, keeps it from being collected, says so, and waits. */
const hungry = `globalThis.held = Buffer.alloc(${64 * MiB}, 1); console.log(held.length); setInterval(() => {}, 1000);`;

let version: 1 | 2;
let cgroups: CgroupReader;

function directories(): readonly string[] {
  if (version === 2) return [join(mountPoint, group)];
  return ['memory', 'pids'].map((controller) => join(mountPoint, controller, group));
}

beforeEach(async () => {
  version = await cgroupVersion(mountPoint);
  cgroups = createCgroupReader(mountPoint, version);
  if (version === 2) writeFileSync(join(mountPoint, 'cgroup.subtree_control'), '+memory +pids');
  for (const directory of directories()) mkdirSync(directory);
});
afterEach(() => removeCgroup(group));

describe('a cgroup', () => {
  test('that is not there has nothing to tell', async () => {
    expect(await cgroups.memory(`${group}/none`)).toBeUndefined();
    expect(await cgroups.processes(`${group}/none`)).toBeUndefined();
  });

  test('tells what its processes use, and its limit', async () => {
    const child = spawn(process.execPath, ['-e', `process.stdin.once('data', () => { ${hungry} })`]);
    try {
      for (const directory of directories()) writeFileSync(join(directory, 'cgroup.procs'), String(child.pid));
      child.stdin.write('go\n');
      await once(child.stdout, 'data');
      // The kernel adds up what its CPUs have charged every two seconds.
      const memory = await until('the memory to be counted', 10_000, async () => {
        const found = await cgroups.memory(group);
        return (found?.workingSetBytes ?? 0) > 64 * MiB ? found : undefined;
      });
      expect(memory?.limitBytes).toBeUndefined();
      expect(memory?.workingSetBytes).toBeLessThan(256 * MiB);
      expect(await cgroups.processes(group)).toBeGreaterThan(1);
      const limit = version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
      writeFileSync(join(directories()[0] ?? '', limit), String(512 * MiB));
      expect((await cgroups.memory(group))?.limitBytes).toBe(512 * MiB);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await until('the cgroup to be empty', 10_000, async () => (await cgroups.processes(group)) === 0, {
      intervalMs: 20,
    });
  });
});

describe('memory of the node', () => {
  test('is what the kernel says, within what the page cache explains', async () => {
    const memory = await nodeMemory(cgroups);
    expect(memory?.capacity).toBeGreaterThan(0);
    expect(memory?.available).toBeGreaterThan(0);
    expect(memory?.available).toBeLessThan(memory?.capacity ?? 0);
  });

  test('without a root cgroup is what the kernel thinks is available', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'pw-stats-'));
    try {
      const none = createCgroupReader(directory, 1);
      expect(existsSync(join(directory, 'memory'))).toBe(false);
      const [with_, without] = await Promise.all([nodeMemory(cgroups), nodeMemory(none)]);
      expect(without?.capacity).toBe(with_?.capacity);
      expect(without?.available).toBeGreaterThan(0);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('of cgroup v2 is counted from its parts, because its root counts nothing', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'pw-stats-'));
    try {
      await writeFile(join(directory, 'memory.stat'), 'anon 300\nfile 500\ninactive_file 200\n');
      expect(await createCgroupReader(directory, 2).memory('')).toEqual({
        workingSetBytes: 600,
        limitBytes: undefined,
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
