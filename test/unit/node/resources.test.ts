import { cpus, tmpdir, totalmem } from 'node:os';
import { expect, test } from 'vitest';
import { nodeCapacity } from '../../../agent/node/resources.ts';

test('the capacity is that of this machine', async () => {
  const capacity = await nodeCapacity({ rootDir: tmpdir(), maxPods: 110, podsPerCore: 0 });
  expect(capacity).toMatchObject({ cpuMillis: cpus().length * 1000, memoryBytes: totalmem(), pods: 110 });
  expect(capacity.ephemeralStorageBytes).toBeGreaterThan(0);
  expect(capacity.pids).toBeGreaterThan(100);
  expect(Object.keys(capacity.hugepages).every((name) => /^hugepages-\d+[KMGT]i$/.test(name))).toBe(true);
});

test('pods are limited by core where that is less', async () => {
  const { pods } = await nodeCapacity({ rootDir: tmpdir(), maxPods: 110, podsPerCore: 1 });
  expect(pods).toBe(Math.min(110, cpus().length));
});
