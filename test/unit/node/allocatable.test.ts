import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocatable, enforcedAllocatable, type NodeResources } from '../../../agent/node/allocatable.ts';
import { parseMeminfo, renderHugepageResource } from '../../../agent/node/resources-plan.ts';

const MiB = 1024 ** 2;
const capacity: NodeResources = {
  cpuMillis: 4000,
  memoryBytes: 1000 * MiB,
  ephemeralStorageBytes: 500 * MiB,
  pods: 110,
  pids: 1000,
  hugepages: {},
};

type Settings = Parameters<typeof allocatable>[1];

test.each<[string, Partial<NodeResources>, Settings, Partial<NodeResources>]>([
  ['the default thresholds', {}, {}, { memoryBytes: 900 * MiB, ephemeralStorageBytes: 450 * MiB }],
  ['thresholds of the file alone', {}, { evictionHard: { 'memory.available': '50Mi' } }, { memoryBytes: 950 * MiB }],
  [
    'thresholds of the file over the defaults',
    {},
    { evictionHard: { 'memory.available': '25%' }, mergeDefaultEvictionSettings: true },
    { memoryBytes: 750 * MiB, ephemeralStorageBytes: 450 * MiB },
  ],
  ['no thresholds', {}, { evictionHard: {} }, {}],
  ['thresholds that are switched off', {}, { evictionHard: { 'memory.available': '0%', 'nodefs.available': '0' } }, {}],
  [
    'reservations',
    {},
    {
      evictionHard: {},
      systemReserved: { cpu: '500m', memory: '100Mi', pid: '100' },
      kubeReserved: { cpu: '1', 'ephemeral-storage': '200Mi' },
    },
    { cpuMillis: 2500, memoryBytes: 900 * MiB, ephemeralStorageBytes: 300 * MiB, pids: 900 },
  ],
  ['more reserved than there is', {}, { evictionHard: {}, kubeReserved: { cpu: '5' } }, { cpuMillis: 0 }],
  [
    'huge pages',
    { hugepages: { 'hugepages-2Mi': 300 * MiB, 'hugepages-1Gi': 0 } },
    { evictionHard: {} },
    { memoryBytes: 700 * MiB, hugepages: { 'hugepages-2Mi': 300 * MiB, 'hugepages-1Gi': 0 } },
  ],
])('allocatable with %s', (_, extra, settings, expected) => {
  expect(allocatable({ ...capacity, ...extra }, settings)).toEqual({ ...capacity, ...extra, ...expected });
});

test('what is enforced leaves room for evictions', () => {
  const settings = { systemReserved: { memory: '100Mi' }, evictionHard: { 'memory.available': '100Mi' } };
  expect(enforcedAllocatable(capacity, settings)).toEqual({ ...capacity, memoryBytes: 900 * MiB });
});

test('allocatable is never negative and never more than there is', () => {
  const quantity = fc.oneof(
    fc.nat({ max: 5000 }).map((mega) => `${mega}Mi`),
    fc.nat({ max: 100 }).map((share) => `${share}%`),
    fc.string(),
  );
  const settings = fc.record({
    evictionHard: fc.dictionary(fc.constantFrom('memory.available', 'nodefs.available', 'pid.available'), quantity),
    systemReserved: fc.dictionary(fc.constantFrom('cpu', 'memory', 'pid'), fc.nat().map(String)),
  });
  fc.assert(
    fc.property(settings, (given) => {
      const { cpuMillis, memoryBytes, ephemeralStorageBytes } = allocatable(capacity, given);
      expect([cpuMillis, memoryBytes, ephemeralStorageBytes].every((amount) => amount >= 0)).toBe(true);
      expect(cpuMillis).toBeLessThanOrEqual(capacity.cpuMillis);
    }),
  );
});

test.each([
  ['MemTotal:       24684084 kB\nMemFree: 1 kB\n', 'MemTotal', 24_684_084 * 1024],
  ['MemTotal:       24684084 kB\nMemFree: 1 kB\n', 'MemFree', 1024],
  ['MemTotal:       24684084 kB\n', 'Mem', undefined],
  ['HugePages_Total:       3\n', 'HugePages_Total', undefined],
])('%j has %s %j', (text, field, bytes) => expect(parseMeminfo(text, field)).toBe(bytes));

test.each([
  ['hugepages-2048kB', 3, ['hugepages-2Mi', 6 * MiB]],
  ['hugepages-1048576kB', 1, ['hugepages-1Gi', 1024 * MiB]],
  ['hugepages-64kB', 0, ['hugepages-64Ki', 0]],
  ['other', 1, undefined],
])('%s with %d pages', (directory, pages, expected) =>
  expect(renderHugepageResource(directory, pages)).toEqual(expected),
);
