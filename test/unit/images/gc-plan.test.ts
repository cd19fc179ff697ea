import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesToFree,
  describeKept,
  type ImageGcFacts,
  type ImageRecord,
  type ListedImage,
  planImageGc,
  updateRecords,
} from '../../../agent/images/gc-plan.ts';

const minute = 60_000;
const now = 100 * minute;
const policy = { highThresholdPercent: 85, lowThresholdPercent: 80, minAgeMs: 2 * minute, maxAgeMs: 0 };
const digest = `sha256:${'a'.repeat(64)}`;

/** An image that was pulled. */
const pulled = (name: string, extra: Partial<ListedImage> = {}): ListedImage => ({
  id: name,
  tags: [`${name}:1`],
  digests: [`${name}@${digest}`],
  size: 10,
  ...extra,
});

function facts(images: readonly ListedImage[], overrides: Partial<ImageGcFacts> = {}): ImageGcFacts {
  return {
    images,
    records: new Map(images.map(({ id }) => [id, { firstDetected: 0, lastUsed: 0 }])),
    use: { usedIds: new Set(), podImages: [], sandboxImages: [] },
    policy,
    now,
    startedAt: 0,
    ...overrides,
  };
}

describe('what stays', () => {
  it.each([
    ['a', 'in use'],
    ['b', 'the sandbox image'],
    ['c', 'named by a pod'],
    ['d', 'named by a pod'],
    ['e', 'named by a pod'],
    ['f', 'not from a registry'],
    ['g', 'too young'],
    ['h', undefined],
    ['i', undefined],
  ])('%s: %s', (id, reason) => {
    const images = [
      pulled('a'),
      pulled('b'),
      pulled('c', { tags: ['c:latest'] }),
      pulled('d', { tags: [] }),
      pulled('e', { tags: [], digests: [] }),
      pulled('f', { digests: [] }),
      pulled('g'),
      pulled('h', { tags: [] }),
      pulled('i', { tags: [], digests: [] }), // the remains of a build
    ];
    const { candidates, kept } = planImageGc(
      facts(
        images.filter((image) => image.id === id),
        {
          records: new Map([
            ['g', { firstDetected: now - minute, lastUsed: 0 }],
            ...images
              .filter((image) => image.id !== 'g')
              .map((image) => [image.id, { firstDetected: 0, lastUsed: 0 }] as const),
          ]),
          use: {
            usedIds: new Set(['a']),
            podImages: ['docker.io/library/c', `d:9@${digest}`, 'e', 'Not A Name'],
            sandboxImages: ['b:1'],
          },
        },
      ),
    );
    expect(kept).toEqual(reason === undefined ? {} : { [reason]: { images: 1, bytes: 10 } });
    expect(candidates.map((candidate) => candidate.id)).toEqual(reason === undefined ? [id] : []);
  });

  it('is told', () => {
    const kept = { 'in use': { images: 2, bytes: 20 }, 'too young': { images: 1, bytes: 5 } };
    expect(describeKept({ kept })).toBe('images that stay: 2 in use (20 bytes), 1 too young (5 bytes)');
    expect(describeKept({ kept: {} })).toBe('there are no other images');
  });
});

it('what was used longest ago goes first, and of those never used what came first', () => {
  const records = new Map<string, ImageRecord>([
    ['a', { firstDetected: 0, lastUsed: 30 }],
    ['b', { firstDetected: 0, lastUsed: 20 }],
    ['c', { firstDetected: 10, lastUsed: 0 }],
    ['d', { firstDetected: 5, lastUsed: 0 }],
  ]);
  const { candidates } = planImageGc(
    facts(
      ['a', 'b', 'c', 'd'].map((id) => pulled(id)),
      { records },
    ),
  );
  expect(candidates).toEqual(
    ['d', 'c', 'b', 'a'].map((id) => ({ id, name: `${id}:1`, sizeBytes: 10, expired: false })),
  );
});

describe('the largest age', () => {
  it.each([
    ['is off', 0, { firstDetected: 0, lastUsed: 0 }, 0, false],
    ['is reached', 10, { firstDetected: 0, lastUsed: 89 }, 0, true],
    ['is not reached since the last use', 10, { firstDetected: 0, lastUsed: 90 }, 0, false],
    ['is not reached since the pull', 10, { firstDetected: 90, lastUsed: 0 }, 0, false],
    ['is not reached since the start', 10, { firstDetected: 0, lastUsed: 0 }, 90, false],
  ])('%s', (_, maxAge, { firstDetected, lastUsed }, startedAt, expired) => {
    const record = { firstDetected: firstDetected * minute, lastUsed: lastUsed * minute };
    const { candidates } = planImageGc(
      facts([pulled('a')], {
        records: new Map([['a', record]]),
        policy: { ...policy, maxAgeMs: maxAge * minute },
        startedAt: startedAt * minute,
      }),
    );
    expect(candidates.map((candidate) => candidate.expired)).toEqual([expired]);
  });
});

describe('bytesToFree', () => {
  it.each([
    [1000, 160, 85, 80, 0],
    [1000, 150, 85, 80, 50],
    [1000, 0, 85, 80, 200],
    [1000, 0, 100, 80, 0],
    [1000, 1000, 0, 0, 0],
  ])('capacity %s, available %s, thresholds %s and %s: %s', (capacityBytes, availableBytes, high, low, expected) => {
    const thresholds = { ...policy, highThresholdPercent: high, lowThresholdPercent: low };
    expect(bytesToFree({ capacityBytes, availableBytes }, thresholds)).toBe(expected);
  });

  it('leads to the low threshold, and there is nothing more to free then', () => {
    const percent = fc.integer({ min: 0, max: 99 });
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 1e15 }), percent, percent, percent, (capacityBytes, used, a, b) => {
        fc.pre(a !== b);
        const thresholds = { ...policy, highThresholdPercent: Math.max(a, b), lowThresholdPercent: Math.min(a, b) };
        const availableBytes = Math.floor((capacityBytes * (100 - used)) / 100);
        const freed = bytesToFree({ capacityBytes, availableBytes }, thresholds);
        if (freed > 0) expect(used).toBeGreaterThanOrEqual(thresholds.highThresholdPercent - 1);
        expect(bytesToFree({ capacityBytes, availableBytes: availableBytes + freed }, thresholds)).toBe(0);
      }),
    );
  });
});

describe('updateRecords', () => {
  it('notes what is new, what is used, and forgets what is gone', () => {
    const before = updateRecords(new Map(), [pulled('old'), pulled('gone')], new Set(['old']), {
      now: 10,
      isFirst: true,
    });
    expect(before).toEqual(
      new Map([
        ['old', { firstDetected: 0, lastUsed: 10 }],
        ['gone', { firstDetected: 0, lastUsed: 0 }],
      ]),
    );
    expect(updateRecords(before, [pulled('old'), pulled('new')], new Set(), { now: 20, isFirst: false })).toEqual(
      new Map([
        ['old', { firstDetected: 0, lastUsed: 10 }],
        ['new', { firstDetected: 20, lastUsed: 0 }],
      ]),
    );
  });
});
