import { describe, expect, test } from 'vitest';
import { limitedStorage, limitExceeded } from '../../../agent/eviction/limits.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import type { PodUsage } from '../../../agent/stats/index.ts';
import { diskUsage, evictable, MiB } from './pods.ts';

const volumes = [
  { name: 'small', emptyDir: { sizeLimit: '1Mi' } },
  { name: 'free', emptyDir: {} },
  { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
];
const withVolumes = evictable('v', { volumes });
const limited = evictable('l', { limits: { 'ephemeral-storage': '2Mi' }, volumes: [{ name: 'data', emptyDir: {} }] });

describe('limits of local storage', () => {
  test.each<readonly [what: string, Pod, PodUsage, imageFsIsOwn: boolean, string | undefined]>([
    ['an emptyDir that is full', withVolumes, diskUsage(0, 0, { small: MiB }), false, undefined],
    [
      'an emptyDir that is more than full',
      withVolumes,
      diskUsage(0, 0, { small: MiB + 1, free: 0 }),
      false,
      'Usage of EmptyDir volume "small" exceeds the limit "1Mi". ',
    ],
    ['an emptyDir without a limit', withVolumes, diskUsage(9 * MiB, 9 * MiB, { free: 9 * MiB }), false, undefined],
    ['all that is written is within the limit', limited, diskUsage(MiB, MiB), false, undefined],
    [
      'layers, logs and emptyDirs together',
      limited,
      diskUsage(MiB, MiB, { data: 1 }),
      false,
      'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ',
    ],
  ])('%s', (_, pod, usage, imageFsIsOwn, expected) => expect(limitExceeded(pod, usage, imageFsIsOwn)).toBe(expected));

  const [app] = limited.spec.containers;
  const two: Pod = {
    ...limited,
    spec: {
      ...limited.spec,
      containers: [app!, { ...app!, name: 'other', resources: { limits: { 'ephemeral-storage': '50Mi' } } }],
    },
  };
  test.each<readonly [boolean, string | undefined]>([
    [false, 'Container app exceeded its local ephemeral storage limit "2Mi". '],
    [true, undefined],
  ])('one container beyond its own (a file system for images: %s)', (imageFsIsOwn, expected) => {
    expect(limitExceeded(two, diskUsage(3 * MiB, MiB), imageFsIsOwn)).toBe(expected);
  });

  test.each<readonly [string, Pod, ReturnType<typeof limitedStorage>]>([
    ['nothing', evictable('a'), { volumes: false, layers: false }],
    ['a limit in memory', evictable('b', { volumes: volumes.slice(2) }), { volumes: false, layers: false }],
    ['an emptyDir', withVolumes, { volumes: true, layers: false }],
    ['a container', limited, { volumes: true, layers: true }],
    [
      'a request alone',
      evictable('c', { requests: { 'ephemeral-storage': '1Mi' } }),
      { volumes: false, layers: false },
    ],
  ])('what has to be measured: %s', (_, pod, expected) => expect(limitedStorage(pod)).toEqual(expected));
});
