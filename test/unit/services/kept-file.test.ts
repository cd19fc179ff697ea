import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createKeptFile, type KeptServices } from '../../../agent/services/index.ts';

const KEPT: KeptServices = new Map([
  ['lab/web', { clusterIps: ['198.51.100.7'], nodePorts: { '/TCP': 30_001 }, healthCheckNodePort: 0 }],
]);

let rootDir: string;
beforeEach(async () => {
  rootDir = await mkdtemp(join(tmpdir(), 'services-'));
});
afterEach(() => rm(rootDir, { recursive: true }));

test('what was given is there after a restart', async () => {
  expect(await createKeptFile(rootDir).read()).toEqual(new Map());
  await createKeptFile(rootDir).write(KEPT);
  expect(await createKeptFile(rootDir).read()).toEqual(KEPT);
});

test('a file that says the same is not written again', async () => {
  const path = join(rootDir, 'podwright/services.json');
  const file = createKeptFile(rootDir);
  await file.write(KEPT);
  const { ino } = await stat(path);
  await file.write(new Map(KEPT));
  expect((await stat(path)).ino).toBe(ino);
  await file.write(new Map());
  expect((await stat(path)).ino).not.toBe(ino);
});
