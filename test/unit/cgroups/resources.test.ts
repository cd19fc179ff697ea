import { describe, expect, test } from 'vitest';
import { defaultCpuQuota, milliCpuToQuota, milliCpuToShares, sharesToWeight } from '../../../agent/cgroups/cpu.ts';
import { renderFiles } from '../../../agent/cgroups/files-render.ts';
import { podUidOfCgroup, qosCgroupName, qosCgroupPath } from '../../../agent/cgroups/names.ts';
import {
  type CgroupResources,
  hugepageSize,
  kubepodsResources,
  podCgroupResources,
  type PodCgroupOptions,
  qosCgroupResources,
} from '../../../agent/cgroups/resources-plan.ts';
import { renderRemoveSlice, renderSetProperty } from '../../../agent/cgroups/systemd-render.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { container, pod } from '../pods/fixtures.ts';

const MiB = 1024 ** 2;
const options: PodCgroupOptions = { cpuQuota: defaultCpuQuota, podPidsLimit: undefined, hugepageSizes: [] };
const small = { cpu: '100m', memory: '64Mi' };
const large = { cpu: '2', memory: '1Gi' };

function podWith(...containers: Pod['spec']['containers'][number]['resources'][]): Pod {
  return pod({ containers: containers.map((resources, index) => container(`c${index}`, { resources })) });
}

test.each([
  [0, 2],
  [1, 2],
  [500, 512],
  [1000, 1024],
  [1_000_000, 262_144],
])('%d milli-CPU are %d shares', (milliCpu, shares) => expect(milliCpuToShares(milliCpu)).toBe(shares));

test.each([
  [0, 100_000, 0],
  [1, 100_000, 1000],
  [1500, 100_000, 150_000],
  [250, 5_000, 1_250],
])('%d milli-CPU in %d µs are a quota of %d', (milliCpu, period, quota) =>
  expect(milliCpuToQuota(milliCpu, period)).toBe(quota),
);

test.each([
  [2, 1],
  [102, 4],
  [1024, 39],
  [262_144, 10_000],
])('%d shares are a weight of %d', (shares, weight) => expect(sharesToWeight(shares)).toBe(weight));

describe('the cgroup of a pod', () => {
  test.each<[string, Pod, Partial<PodCgroupOptions>, CgroupResources]>([
    ['asks for nothing', podWith({}), {}, { cpuShares: 2 }],
    ['asks for nothing, with a limit of processes', podWith({}), { podPidsLimit: 64 }, { cpuShares: 2, pidsLimit: 64 }],
    ['requests', podWith({ requests: small }, { requests: { cpu: '1' } }), {}, { cpuShares: 1126 }],
    [
      'is limited as a whole',
      podWith({ requests: small, limits: large }, { requests: small, limits: small }),
      {},
      { cpuShares: 204, cpuQuota: { quotaMicros: 210_000, periodMicros: 100_000 }, memoryLimit: 1088 * MiB },
    ],
    ['has an unlimited container', podWith({ requests: small, limits: large }, {}), {}, { cpuShares: 102 }],
    [
      'has an init container without a limit',
      {
        ...podWith({ requests: large, limits: large }),
        spec: { ...podWith({ requests: large, limits: large }).spec, initContainers: [container('i')] },
      },
      {},
      { cpuShares: 2048 },
    ],
    [
      'is not to be limited by quota',
      podWith({ requests: large, limits: large }),
      { cpuQuota: { enforce: false, periodMicros: 100_000 } },
      { cpuShares: 2048, cpuQuota: { quotaMicros: -1, periodMicros: 100_000 }, memoryLimit: 1024 * MiB },
    ],
    [
      'is limited on the pod level alone',
      pod({ resources: { requests: { cpu: '1' }, limits: { cpu: '2', memory: '128Mi' } } }),
      {},
      { cpuShares: 1024, cpuQuota: { quotaMicros: 200_000, periodMicros: 100_000 }, memoryLimit: 128 * MiB },
    ],
    [
      'uses huge pages of one size of two',
      podWith({ requests: { cpu: '1', 'hugepages-2Mi': '4Mi' }, limits: { 'hugepages-2Mi': '4Mi' } }),
      { hugepageSizes: [2 * MiB, 1024 * MiB] },
      {
        cpuShares: 1024,
        hugepages: new Map([
          [2 * MiB, 4 * MiB],
          [1024 * MiB, 0],
        ]),
      },
    ],
  ])('of a pod that %s', (_, one, extra, expected) => {
    expect(podCgroupResources(one, { ...options, ...extra })).toEqual(expected);
  });

  test.each([
    ['hugepages-2Mi', 2 * MiB],
    ['hugepages-1Gi', 1024 * MiB],
    ['memory', undefined],
    ['hugepages-x', undefined],
  ])('%s has pages of %j bytes', (name, size) => expect(hugepageSize(name)).toBe(size));
});

test('burstable pods weigh what they request together; the others do not count', () => {
  const kubepods = kubepodsResources({ cpuMillis: 4000, memoryBytes: 8 * MiB, pids: 100 });
  const pods = [
    podWith({ requests: small }),
    podWith({ requests: { cpu: '400m' } }),
    podWith({}),
    podWith({ requests: large, limits: large }),
  ];
  expect(qosCgroupResources(pods, kubepods)).toEqual({
    kubepods: { cpuShares: 4096, memoryLimit: 8 * MiB, pidsLimit: 100 },
    burstable: { cpuShares: 512 },
    bestEffort: { cpuShares: 2 },
  });
});

const all: CgroupResources = {
  cpuShares: 512,
  cpuQuota: { quotaMicros: 12_500, periodMicros: 50_000 },
  memoryLimit: 2 ** 40,
  pidsLimit: 64,
  hugepages: new Map([
    [2 * MiB, 4 * MiB],
    [1024 * MiB, 0],
    [64 * 1024, 0],
  ]),
};
const unlimited: CgroupResources = { cpuQuota: { quotaMicros: -1, periodMicros: 100_000 }, memoryLimit: -1 };

describe('files', () => {
  const lines = (...args: Parameters<typeof renderFiles>): readonly string[] =>
    renderFiles(...args).map(({ controller, name, value }) => `${controller} ${name}=${value}`);

  test('of cgroup v1', () => {
    expect(lines(1, all)).toEqual([
      'cpu cpu.shares=512',
      'cpu cpu.cfs_period_us=50000',
      'cpu cpu.cfs_quota_us=12500',
      'memory memory.limit_in_bytes=1099511627776',
      'pids pids.max=64',
      'hugetlb hugetlb.2MB.limit_in_bytes=4194304',
      'hugetlb hugetlb.1GB.limit_in_bytes=0',
      'hugetlb hugetlb.64KB.limit_in_bytes=0',
    ]);
    expect(lines(1, unlimited)).toEqual([
      'cpu cpu.cfs_period_us=100000',
      'cpu cpu.cfs_quota_us=-1',
      'memory memory.limit_in_bytes=-1',
    ]);
  });

  test('of cgroup v2', () => {
    expect(lines(2, all)).toEqual([
      'cpu cpu.weight=20',
      'cpu cpu.max=12500 50000',
      'memory memory.max=1099511627776',
      'pids pids.max=64',
      'hugetlb hugetlb.2MB.max=4194304',
      'hugetlb hugetlb.1GB.max=0',
      'hugetlb hugetlb.64KB.max=0',
    ]);
    expect(lines(2, unlimited)).toEqual(['cpu cpu.max=max 100000', 'memory memory.max=max']);
  });
});

describe('slices', () => {
  const slice = 'kubepods-burstable-poda_b.slice';
  const set = ['set-property', '--runtime', '--', slice];

  test.each([
    [
      1,
      all,
      [
        ...set,
        'CPUShares=512',
        'CPUQuotaPeriodSec=50000us',
        'CPUQuota=25%',
        'MemoryLimit=1099511627776',
        'TasksMax=64',
      ],
    ],
    [
      2,
      all,
      [...set, 'CPUWeight=20', 'CPUQuotaPeriodSec=50000us', 'CPUQuota=25%', 'MemoryMax=1099511627776', 'TasksMax=64'],
    ],
    [2, unlimited, [...set, 'CPUQuota=', 'MemoryMax=infinity']],
    [
      2,
      { cpuQuota: { quotaMicros: 1_001, periodMicros: 100_000 } },
      [...set, 'CPUQuotaPeriodSec=100000us', 'CPUQuota=2%'],
    ],
    [2, {}, undefined],
  ] as const)('on cgroup v%d: %j', (version, resources, expected) => {
    expect(renderSetProperty(version, slice, resources)).toEqual(expected);
  });

  test('are stopped, and what was set for them is forgotten', () => {
    expect(renderRemoveSlice(slice)).toEqual([
      ['stop', '--', slice],
      ['revert', '--', slice],
    ]);
  });
});

describe('names', () => {
  const cgroupfs = { driver: 'cgroupfs', root: '/x' } as const;
  const systemd = { driver: 'systemd', root: '' } as const;

  test('of classes', () => {
    expect(qosCgroupName(cgroupfs, 'Burstable')).toBe('/x/kubepods/burstable');
    expect(qosCgroupPath(cgroupfs, 'Guaranteed')).toBe('x/kubepods');
    expect(qosCgroupName(systemd, 'BestEffort')).toBe('kubepods-besteffort.slice');
    expect(qosCgroupPath(systemd, 'BestEffort')).toBe('kubepods.slice/kubepods-besteffort.slice');
  });

  test.each([
    [cgroupfs, 'poda-b', 'a-b'],
    [cgroupfs, 'burstable', undefined],
    [cgroupfs, 'pod', undefined],
    [systemd, 'kubepods-burstable-poda_b.slice', 'a-b'],
    [systemd, 'kubepods-poda_b.slice', 'a-b'],
    [systemd, 'kubepods-burstable.slice', undefined],
  ] as const)('in %j the directory %s is of pod %j', (settings, directory, uid) => {
    expect(podUidOfCgroup(settings, directory)).toBe(uid);
  });
});
