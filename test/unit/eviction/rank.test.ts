import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rankPods } from '../../../agent/eviction/rank.ts';
import type { Signal } from '../../../agent/eviction/signals.ts';
import type { PodUsage } from '../../../agent/stats/index.ts';
import { containerUsage, disk, diskUsage, evictable, MiB, usage } from './pods.ts';

interface Candidate {
  readonly priority?: number;
  readonly requests?: Readonly<Record<string, string>>;
  readonly usage?: PodUsage;
}

function ranked(signal: Signal, candidates: Readonly<Record<string, Candidate>>, imageFsIsOwn = false): string[] {
  const entries = Object.entries(candidates);
  const pods = entries.map(([uid, shape]) => evictable(uid, shape));
  const usages = new Map(entries.flatMap(([uid, one]) => (one.usage === undefined ? [] : [[uid, one.usage] as const])));
  return rankPods(pods, signal, usages, imageFsIsOwn).map(({ metadata }) => metadata.uid);
}

const memory = (mib: number): PodUsage => usage({ memoryBytes: mib * MiB });

describe('the order of eviction', () => {
  test('memory: above its request, then the lowest priority, then the most above its request', () => {
    expect(
      ranked('memory.available', {
        'within, much': { requests: { memory: '900Mi' }, usage: memory(900) },
        'within, little': { requests: { memory: '900Mi' }, usage: memory(1) },
        'above, important': { priority: 9, usage: memory(500) },
        'above, 10': { requests: { memory: '100Mi' }, usage: memory(110) },
        'above, 20': { requests: { memory: '10Mi' }, usage: memory(30) },
        unknown: { priority: 100 },
      }),
    ).toEqual(['unknown', 'above, 20', 'above, 10', 'above, important', 'within, much', 'within, little']);
  });

  test('process IDs: the lowest priority, then the most', () => {
    expect(
      ranked('pid.available', {
        important: { priority: 9, usage: usage({ processes: 1000 }) },
        few: { usage: usage({ processes: 2 }) },
        many: { usage: usage({ processes: 20 }) },
        unknown: {},
      }),
    ).toEqual(['unknown', 'many', 'few', 'important']);
  });

  const byDisk: Readonly<Record<string, Candidate>> = {
    layer: { usage: diskUsage(30 * MiB, 0) },
    logs: { usage: diskUsage(0, 20 * MiB) },
    volume: { usage: diskUsage(0, 0, { data: 10 * MiB }) },
    requested: { requests: { 'ephemeral-storage': '1Gi' }, usage: diskUsage(200 * MiB, 0) },
  };

  test.each<readonly [Signal, boolean, readonly string[]]>([
    ['nodefs.available', false, ['layer', 'logs', 'volume', 'requested']],
    ['imagefs.available', false, ['layer', 'logs', 'volume', 'requested']],
    ['nodefs.available', true, ['logs', 'volume', 'layer', 'requested']],
    ['imagefs.available', true, ['layer', 'logs', 'volume', 'requested']],
  ])('disk, %s (a file system for images: %s)', (signal, imageFsIsOwn, expected) => {
    expect(ranked(signal, byDisk, imageFsIsOwn)).toEqual(expected);
  });

  test('inodes: what is requested in bytes does not count', () => {
    const files = (inodes: number): PodUsage =>
      usage({ volumes: new Map([['data', disk(0, inodes)]]), containers: new Map([['app', containerUsage({})]]) });
    expect(
      ranked('nodefs.inodesFree', {
        few: { usage: files(3) },
        many: { requests: { 'ephemeral-storage': '1Gi' }, usage: files(7) },
      }),
    ).toEqual(['many', 'few']);
  });

  test('law: a total order that does not depend on the order of the pods', () => {
    const candidate = fc.record({
      priority: fc.integer({ min: 0, max: 2 }),
      requested: fc.integer({ min: 0, max: 3 }),
      used: fc.option(fc.integer({ min: 0, max: 4 })),
    });
    const signal = fc.constantFrom<Signal>('memory.available', 'nodefs.available', 'pid.available');
    fc.assert(
      fc.property(fc.array(candidate, { minLength: 1, maxLength: 8 }), signal, fc.func(fc.nat()), (shapes, by, mix) => {
        const pods = shapes.map(({ priority, requested }, index) =>
          evictable(`pod-${index}`, {
            priority,
            requests: { memory: `${requested}`, 'ephemeral-storage': `${requested}` },
          }),
        );
        const usages = new Map(
          shapes.flatMap(({ used }, index) =>
            used === null
              ? []
              : [[`pod-${index}`, { ...diskUsage(used, 0), memoryBytes: used, processes: used }] as const],
          ),
        );
        const mixed = [...pods].sort((a, b) => mix(a.metadata.uid) - mix(b.metadata.uid));
        const result = rankPods(mixed, by, usages, false);
        expect(result).toEqual(rankPods(pods, by, usages, false));
        expect(new Set(result)).toEqual(new Set(pods));
        // Each pair stands as it does in the whole.
        for (const [index, first] of result.entries()) {
          for (const second of result.slice(index + 1)) {
            expect(rankPods([second, first], by, usages, false)).toEqual([first, second]);
          }
        }
      }),
    );
  });
});
