import { beforeEach, describe, expect, it } from 'vitest';
import { createImageGc, type ImageGc } from '../../../agent/images/gc.ts';
import type { ImageGcPolicy, ListedImage } from '../../../agent/images/gc-plan.ts';
import { RuntimeUnavailableError } from '../../../agent/runtime/types.ts';
import { FakeClock, FakeEvents, never, settled } from './fakes.ts';

const minute = 60_000;

let images: ListedImage[];
let removed: string[];
let used: Set<string>;
let available: number;
let ready: boolean;
let failure: Error | undefined;
let refuse: Set<string>;
let events: FakeEvents;
let clock: FakeClock;

beforeEach(() => {
  images = ['a', 'b', 'c'].map((id) => ({
    id,
    tags: [`${id}:1`],
    digests: [`${id}@sha256:${'0'.repeat(64)}`],
    size: 100,
  }));
  removed = [];
  used = new Set();
  available = 1000;
  ready = true;
  failure = undefined;
  refuse = new Set();
  events = new FakeEvents();
  clock = new FakeClock();
});

function imageGc(policy: Partial<ImageGcPolicy> = {}): ImageGc {
  return createImageGc({
    runtime: {
      listImages: () => (failure === undefined ? Promise.resolve(images) : Promise.reject(failure)),
      removeImage: (id) => {
        if (refuse.has(id)) return Promise.reject(new Error('conflict'));
        removed.push(id);
        images = images.filter((image) => image.id !== id);
        available += 100;
        return Promise.resolve();
      },
    },
    policy: { highThresholdPercent: 85, lowThresholdPercent: 80, minAgeMs: 2 * minute, maxAgeMs: 0, ...policy },
    ready: () => ready,
    use: () => Promise.resolve({ usedIds: used, podImages: [], sandboxImages: [] }),
    diskUsage: () => Promise.resolve({ capacityBytes: 1000, availableBytes: available }),
    nodeName: 'node-1',
    events,
    clock,
    log: { info: () => undefined, warn: () => undefined },
  });
}

describe('collect', () => {
  it('an amount: stops when it is free', async () => {
    const gc = imageGc();
    expect(await gc.collect(150, never)).toMatchObject({ freedBytes: 200, removed: ['a', 'b'] });
    expect(await gc.collect(Number.POSITIVE_INFINITY, never)).toMatchObject({ freedBytes: 100, removed: ['c'] });
    expect(await gc.collect(Number.POSITIVE_INFINITY, never)).toMatchObject({ freedBytes: 0, removed: [] });
  });

  it('goes on behind an image that cannot be removed', async () => {
    refuse.add('a');
    expect(await imageGc().collect(150, never)).toMatchObject({ freedBytes: 200, removed: ['b', 'c'] });
  });

  it('removes nothing before it is known what pods there are', async () => {
    ready = false;
    expect(await imageGc().collect(1000, never)).toEqual({ freedBytes: 0, removed: [] });
    expect(removed).toEqual([]);
  });

  it('one at a time: two together free what both ask for', async () => {
    const gc = imageGc();
    await Promise.all([gc.collect(100, never), gc.collect(100, never)]);
    expect(removed).toEqual(['a', 'b']);
  });

  it.each([
    [160, []],
    [100, ['a']],
    [20, ['a', 'b']],
  ])('by the thresholds, %s of 1000 bytes available: removes %j', async (bytes, expected) => {
    available = bytes;
    await imageGc().collect('thresholds', never);
    expect(removed).toEqual(expected);
  });

  it('by the thresholds also what is too old, with any disk use', async () => {
    const gc = imageGc({ maxAgeMs: 10 * minute });
    used.add('b');
    await gc.collect('thresholds', never);
    clock.jump(11 * minute);
    used.add('c');
    await gc.collect('thresholds', never);
    expect(removed).toEqual(['a']);
  });

  it('says why too little was freed', async () => {
    available = 20;
    used.add('b').add('c');
    const message =
      'Failed to garbage collect required amount of images. Attempted to free 180 bytes, but only found 100 bytes ' +
      'eligible to free: images that stay: 2 in use (200 bytes)';
    await expect(imageGc().collect('thresholds', never)).rejects.toThrow(new Error(message));
    expect(events.all).toEqual([`Warning FreeDiskSpaceFailed: ${message}`]);
  });
});

describe('run', () => {
  async function during(gc: ImageGc, work: () => Promise<void>): Promise<void> {
    const controller = new AbortController();
    const running = gc.run(controller.signal);
    await settled();
    await work();
    controller.abort(new Error('stop'));
    await running;
    expect(clock.waiting).toBe(0);
  }

  it('collects at the start and every five minutes', async () => {
    await during(imageGc(), async () => {
      available = 100;
      await clock.pass(299_000);
      expect(removed).toEqual([]);
      await clock.pass(1000);
      expect(removed).toEqual(['a']);
    });
  });

  it('looks as often as the largest age is short', async () => {
    await during(imageGc({ minAgeMs: 1000, maxAgeMs: 5000 }), async () => {
      await clock.pass(10_000);
      expect(removed).toEqual(['a', 'b', 'c']);
    });
  });

  it('tells of the second failure in a row, and never of an outage of the runtime', async () => {
    await during(imageGc(), async () => {
      failure = new RuntimeUnavailableError('docker is away');
      await clock.pass(1_200_000);
      failure = new Error('boom');
      await clock.pass(300_000);
      expect(events.all).toEqual([]);
      await clock.pass(300_000);
      expect(events.all).toEqual(['Warning ImageGCFailed: boom']);
    });
  });
});
