import { describe, expect, test } from 'vitest';
import { pressureRefusal } from '../../../agent/eviction/refusal.ts';
import { isSpared } from '../../../agent/eviction/spared.ts';
import type { PressureType } from '../../../agent/eviction/signals.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { pod } from '../pods/fixtures.ts';
import { evictable, spared } from './pods.ts';

const ofApi = pod({}, { 'kubernetes.io/config.source': 'api' });
const critical = 2_000_000_000;

test.each<readonly [string, Pod, boolean]>([
  ['a static pod', spared('a'), true],
  ['a static pod that opts out', evictable('b'), false],
  ['a static pod that opts out, of critical priority', evictable('c', { priority: critical }), true],
  ['a static pod that opts out, just below that', evictable('d', { priority: critical - 1 }), false],
  ['a pod of an API server', ofApi, false],
  ['a pod of an API server, of critical priority', pod({ priority: critical }), true],
  ['a mirror pod', pod({}, { 'kubernetes.io/config.mirror': 'hash' }), true],
])('%s is spared: %s', (_, one, expected) => expect(isSpared(one)).toBe(expected));

describe('admission under pressure', () => {
  const burstable = evictable('burstable', { requests: { memory: '1Mi' } });
  const tolerant = (toleration: object): Pod => {
    const made = evictable('tolerant');
    return { ...made, spec: { ...made.spec, tolerations: [toleration] } };
  };
  const memory = 'node.kubernetes.io/memory-pressure';

  test.each<readonly [string, Pod, readonly PressureType[], string | undefined]>([
    ['no pressure', evictable('a'), [], undefined],
    ['memory, best effort', evictable('a'), ['MemoryPressure'], 'The node had condition: [MemoryPressure]. '],
    ['memory, with a request', burstable, ['MemoryPressure'], undefined],
    ['memory, tolerated', tolerant({ key: memory, operator: 'Exists' }), ['MemoryPressure'], undefined],
    ['memory, all tolerated', tolerant({ operator: 'Exists' }), ['MemoryPressure'], undefined],
    [
      'memory, another effect tolerated',
      tolerant({ key: memory, operator: 'Exists', effect: 'NoExecute' }),
      ['MemoryPressure'],
      'The node had condition: [MemoryPressure]. ',
    ],
    ['disk, with a request', burstable, ['DiskPressure'], 'The node had condition: [DiskPressure]. '],
    [
      'memory and disk, tolerated',
      tolerant({ operator: 'Exists' }),
      ['DiskPressure', 'MemoryPressure'],
      'The node had condition: [DiskPressure MemoryPressure]. ',
    ],
    ['disk, spared', spared('a'), ['DiskPressure', 'MemoryPressure', 'PIDPressure'], undefined],
  ])('%s', (_, one, conditions, message) => {
    expect(pressureRefusal(one, conditions)).toEqual(
      message === undefined ? undefined : { reason: 'Evicted', message },
    );
  });
});
