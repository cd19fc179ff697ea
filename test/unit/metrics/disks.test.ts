import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDisks, type Disks } from '../../../agent/metrics/disks.ts';
import { proc, writeTree } from './trees.ts';

let root: string;
let clock = 0;
let walks: (() => Promise<ReadonlyMap<string, number>>)[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'podwright-disks-'));
  writeTree(root, proc);
});
afterEach(() => rm(root, { recursive: true }));

/** Each walk finds what the next of `walks` tells. */
function disks(): Disks {
  clock = 0;
  return createDisks({
    procRoot: root,
    rootDir: root,
    imageDir: () => Promise.resolve(join(root, 'not there')),
    imageBytes: () => Promise.resolve(0),
    layers: () => walks.shift()?.() ?? Promise.reject(new Error('one walk too many')),
    podStats: { disk: () => Promise.reject(new Error('no pods')) },
    claimPlaces: () => [],
    pods: () => [],
    now: () => clock,
  });
}

const finds = (bytes: number) => () => Promise.resolve(new Map([['c1', bytes]]));
const signal = new AbortController().signal;

test('a walk serves for a minute, and all who ask during it', async () => {
  walks = [finds(1), finds(2)];
  const all = disks();
  const seen = async (): Promise<number | undefined> => (await all.observe(signal)).layers.get('c1');
  expect(await Promise.all([seen(), seen()])).toEqual([1, 1]);
  clock = 59_999;
  expect(await seen()).toBe(1);
  clock = 60_000;
  expect(await seen()).toBe(2);
});

test('what failed is walked through again', async () => {
  walks = [() => Promise.reject(new Error('Docker is away')), finds(3)];
  const all = disks();
  await expect(all.observe(signal)).rejects.toThrow('Docker is away');
  expect((await all.observe(signal)).layers).toEqual(new Map([['c1', 3]]));
});

test('who gives up does not end the walk of another', async () => {
  let finish: (found: ReadonlyMap<string, number>) => void = () => undefined;
  const layers = new Promise<ReadonlyMap<string, number>>((resolve) => (finish = resolve));
  walks = [() => layers];
  const all = disks();
  const controller = new AbortController();
  const first = all.observe(controller.signal);
  const second = all.observe(signal);
  controller.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  finish(new Map([['c1', 4]]));
  expect((await second).layers).toEqual(new Map([['c1', 4]]));
});
