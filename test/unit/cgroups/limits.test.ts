import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CgroupVersion } from '../../../agent/cgroups/files-render.ts';
import { type CgroupLimits, readLimits, widen } from '../../../agent/cgroups/limits.ts';
import type { CgroupResources } from '../../../agent/cgroups/resources-plan.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pw-limits-'));
});
afterEach(() => rm(root, { recursive: true }));

const none: CgroupLimits = { cpuQuota: undefined, memoryLimit: undefined };
const limits = (quotaMicros: number, memoryLimit: number, periodMicros = 100_000): CgroupLimits => ({
  cpuQuota: { quotaMicros, periodMicros },
  memoryLimit,
});

test.each<[CgroupVersion, Record<string, string>, CgroupLimits]>([
  [
    1,
    { 'cpu/p/cpu.cfs_quota_us': '5000', 'cpu/p/cpu.cfs_period_us': '100000', 'memory/p/memory.limit_in_bytes': '4096' },
    limits(5_000, 4_096),
  ],
  [
    1,
    {
      'cpu/p/cpu.cfs_quota_us': '-1',
      'cpu/p/cpu.cfs_period_us': '100000',
      'memory/p/memory.limit_in_bytes': '9223372036854771712',
    },
    none,
  ],
  [2, { 'p/cpu.max': '5000 50000', 'p/memory.max': '4096' }, limits(5_000, 4_096, 50_000)],
  [2, { 'p/cpu.max': 'max 100000', 'p/memory.max': 'max' }, none],
  [1, {}, none],
  [2, {}, none],
])('cgroup v%i with %j', async (version, files, expected) => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), `${text}\n`);
  }
  expect(await readLimits(version, root, 'p')).toEqual(expected);
});

const open = { cpuQuota: { quotaMicros: -1, periodMicros: 100_000 }, memoryLimit: -1 };

test.each<[string, CgroupResources, CgroupLimits, CgroupResources]>([
  ['both grow', limits(200, 20) as CgroupResources, limits(100, 10), limits(200, 20) as CgroupResources],
  ['both shrink', limits(100, 10) as CgroupResources, limits(200, 20), limits(200, 20) as CgroupResources],
  ['one of each', limits(200, 10) as CgroupResources, limits(100, 20), limits(200, 20) as CgroupResources],
  ['by periods', limits(100, 1, 1_000) as CgroupResources, limits(100, 1, 500), limits(100, 1, 500) as CgroupResources],
  ['limits go', { cpuShares: 2 }, limits(100, 10), { cpuShares: 2, ...open }],
  ['limits come', limits(100, 10) as CgroupResources, none, open],
  [
    'quotas are not enforced',
    { cpuQuota: open.cpuQuota, memoryLimit: 5 },
    limits(100, 10),
    { ...open, memoryLimit: 10 },
  ],
])('%s', (_name, target, now, expected) => {
  expect(widen(target, now)).toEqual(expected);
});
