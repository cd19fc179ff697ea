import { describe, expect, test } from 'vitest';
import { parseDefaultDevice, parseNetDev } from '../../../agent/metrics/net-dev.ts';
import { parseProcessCgroup } from '../../../agent/metrics/own-cgroup.ts';
import { createRates } from '../../../agent/metrics/rates.ts';

describe('network devices', () => {
  test('as the kernel tells of them, without those that are counted elsewhere', () => {
    const text = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
      '    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0',
      '  eth0:1111111      22   33   44    0     0          0         0     5555      66   77   88    0     0       0          0',
      'veth12:      9       9    9    9    0     0          0         0        9       9    9    9    0     0       0          0',
      'docker0:     9       9    9    9    0     0          0         0        9       9    9    9    0     0       0          0',
      'broken: 1 2 x',
      '',
    ].join('\n');
    expect(parseNetDev(text)).toEqual([
      {
        name: 'eth0',
        receive: { bytes: 1_111_111, packets: 22, errors: 33, dropped: 44 },
        transmit: { bytes: 5555, packets: 66, errors: 77, dropped: 88 },
      },
    ]);
  });

  test.each([
    [
      'eth1',
      'eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\neth1\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
    ],
    // 0.0.0.0/1 is half of a default route.
    [undefined, 'tun0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0'],
    [undefined, ''],
  ])('the default route is that of %s', (device, rows) => {
    expect(parseDefaultDevice(`Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n${rows}`)).toBe(
      device,
    );
  });
});

describe('the cgroup of a process', () => {
  test.each([
    [2, '0::/system.slice/podwright.service\n', 'system.slice/podwright.service'],
    [2, '0::/\n', undefined],
    [2, '0::/../outside\n', undefined],
    [1, '5:cpu,cpuacct:/a\n4:memory:/system.slice/podwright.service\n0::/b\n', 'system.slice/podwright.service'],
    [1, '4:memory:/\n', undefined],
    [1, '', undefined],
  ] as const)('version %i: %j', (version, text, path) => {
    expect(parseProcessCgroup(text, version)).toBe(path);
  });
});

describe('use of CPU', () => {
  type Step = readonly [key: string, time: number, usageNanos: number, nanoCores: number | undefined];
  test.each<readonly [string, readonly Step[]]>([
    ['one mark tells nothing', [['a', 0, 5e9, undefined]]],
    [
      'half a core',
      [
        ['a', 0, 1e9, undefined],
        ['a', 10_000, 6e9, 5e8],
      ],
    ],
    [
      'each cgroup has its own',
      [
        ['a', 0, 0, undefined],
        ['b', 10_000, 1e9, undefined],
        ['a', 10_000, 1e9, 1e8],
      ],
    ],
    [
      'who asks a moment later sees the same',
      [
        ['a', 0, 0, undefined],
        ['a', 2_000, 2e9, 1e9],
        ['a', 2_500, 2e9, 1e9],
        ['a', 4_000, 2e9, 0],
      ],
    ],
    [
      'a cgroup that was made anew',
      [
        ['a', 0, 9e9, undefined],
        ['a', 5_000, 1e9, undefined],
        ['a', 6_000, 2e9, 1e9],
      ],
    ],
    [
      'a clock that was set back',
      [
        ['a', 9_000, 1e9, undefined],
        ['a', 1_000, 2e9, undefined],
        ['a', 3_000, 3e9, 5e8],
      ],
    ],
  ])('%s', (_, steps) => {
    const rates = createRates();
    const seen = steps.map(([key, time, usageNanos]) => rates.rate(key, { time, usageNanos }));
    expect(seen).toEqual(steps.map(([, , , nanoCores]) => nanoCores));
  });

  test('of a cgroup that was not retained nothing is known', () => {
    const rates = createRates();
    for (const key of ['a', 'b']) rates.rate(key, { time: 0, usageNanos: 0 });
    rates.retain(new Set(['a']));
    expect(['a', 'b'].map((key) => rates.rate(key, { time: 2_000, usageNanos: 2e9 }))).toEqual([1e9, undefined]);
  });
});
