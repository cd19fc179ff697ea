import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changesOf, nodeConditions } from '../../../agent/eviction/conditions.ts';
import { deadContainers } from '../../../agent/eviction/dead-containers.ts';
import { evictionMessage } from '../../../agent/eviction/message-render.ts';
import { renderCount, renderQuantity } from '../../../agent/eviction/quantity-render.ts';
import { parseQuantity, unitValue } from '../../../agent/objects/quantity.ts';
import { parseThresholds, type Threshold } from '../../../agent/eviction/thresholds.ts';
import { t0 } from '../pods/fixtures.ts';
import { containerUsage, diskUsage, evictable, MiB, usage } from './pods.ts';

describe('quantities', () => {
  test.each<readonly [number, string]>([
    [0, '0'],
    [1000, '1k'],
    [1023, '1023'],
    [1024, '1Ki'],
    [4097, '4097'],
    [90 * MiB, '90Mi'],
    [1.5 * 1024 * MiB, '1536Mi'],
    [1000 * 1000 * 1000, '1000000000'],
  ])('%d is %s', (value, expected) => expect(renderQuantity(value)).toBe(expected));

  test('of things that are counted are decimal', () => {
    expect([0, 999, 4096, 12_000, 3_000_000].map(renderCount)).toEqual(['0', '999', '4096', '12k', '3M']);
  });

  test('law: what is read back is the same', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.constantFrom(renderQuantity, renderCount), (value, render) => {
        expect(unitValue(parseQuantity(render(value)) ?? -1n)).toBe(value);
      }),
    );
  });
});

describe('the message', () => {
  const threshold = (signal: string, value: string): Threshold =>
    parseThresholds({ evictionHard: { [signal]: value }, enforceNodeAllocatable: [] }).thresholds[0]!;

  test('of memory names the container that is above its request', () => {
    const pod = evictable('web', { requests: { memory: '100Mi' } });
    const found = new Map([['memory.available', { available: 90 * MiB, capacity: 1000 * MiB }] as const]);
    const used = usage({ containers: new Map([['app', containerUsage({ memoryBytes: 200 * MiB })]]) });
    expect(evictionMessage(pod, threshold('memory.available', '100Mi'), found, used)).toBe(
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. ' +
        'Container app was using 200Mi, request is 100Mi, has larger consumption of memory. ',
    );
  });

  test('of memory names a pod that requests it as a whole', () => {
    const made = evictable('web');
    const pod = { ...made, spec: { ...made.spec, resources: { requests: { memory: '10Mi' } } } };
    expect(evictionMessage(pod, threshold('memory.available', '1Gi'), new Map(), usage({ memoryBytes: MiB }))).toBe(
      'The node was low on resource: memory. Pod web was using 1Mi, request is 10Mi, has larger consumption of memory. ',
    );
  });

  test('of disk has percentages as amounts', () => {
    const found = new Map([['nodefs.available', { available: 8 * MiB, capacity: 100 * MiB }] as const]);
    const pod = evictable('web');
    expect(evictionMessage(pod, threshold('nodefs.available', '10%'), found, diskUsage(MiB, MiB))).toBe(
      'The node was low on resource: ephemeral-storage. Threshold quantity: 10Mi, available: 8Mi. ' +
        'Container app was using 2Mi, request is 0, has larger consumption of ephemeral-storage. ',
    );
  });

  test('of inodes and process IDs names no container', () => {
    const found = new Map([['nodefs.inodesFree', { available: 5000, capacity: 1_000_000 }] as const]);
    const low = evictionMessage(evictable('w'), threshold('nodefs.inodesFree', '1%'), found, diskUsage(MiB, 0));
    expect(low).toBe('The node was low on resource: inodes. Threshold quantity: 10000, available: 5k. ');
    expect(evictionMessage(evictable('w'), threshold('pid.available', '1k'), new Map(), undefined)).toBe(
      'The node was low on resource: pids. ',
    );
  });
});

describe('conditions of the node', () => {
  test('keep their transition time until they change, and tell of the change', () => {
    const before = nodeConditions([], [], t0);
    const during = nodeConditions(['DiskPressure'], before, t0 + 10_000);
    const after = nodeConditions(['DiskPressure'], during, t0 + 20_000);
    expect(during).toEqual([
      {
        type: 'MemoryPressure',
        status: 'False',
        reason: 'KubeletHasSufficientMemory',
        message: 'kubelet has sufficient memory available',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
      {
        type: 'DiskPressure',
        status: 'True',
        reason: 'KubeletHasDiskPressure',
        message: 'kubelet has disk pressure',
        lastTransitionTime: '2026-01-01T00:00:10Z',
      },
      {
        type: 'PIDPressure',
        status: 'False',
        reason: 'KubeletHasSufficientPID',
        message: 'kubelet has sufficient PID available',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ]);
    expect(after).toEqual(during);
    expect(changesOf(before, during)).toEqual(['NodeHasDiskPressure']);
    expect(changesOf(during, after)).toEqual([]);
    expect(changesOf(during, before)).toEqual(['NodeHasNoDiskPressure']);
  });
});

test('dead containers: all of a pod that is over; elsewhere all but the newest of a name, and none that runs', () => {
  const one = (name: string, attempt: number, running = false) => ({ id: `${name}-${attempt}`, name, running });
  const summary = (uid: string, containers: ReturnType<typeof one>[]) => {
    return { pod: { name: uid, namespace: 'default', uid }, sandboxes: [], fingerprint: '', containers };
  };
  const pods = [
    summary('runs', [one('app', 2, true), one('app', 1), one('app', 0), one('init', 0)]),
    summary('waits', [one('job', 1), one('job', 0)]),
    summary('over', [one('done', 1), one('done', 0), one('late', 0, true)]),
  ];
  expect(deadContainers(pods, (uid) => uid === 'over')).toEqual(['app-1', 'app-0', 'job-0', 'done-1', 'done-0']);
});
