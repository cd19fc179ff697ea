import { describe, expect, test } from 'vitest';
import type { PodSpec } from '../../../agent/objects/types.ts';
import { linuxResources, oomScoreAdj } from '../../../agent/pods/resources.ts';
import { container, pod } from './fixtures.ts';

const GiB = 1024 ** 3;
const asking = (name: string, memory: string, restartPolicy?: 'Always'): ReturnType<typeof container> =>
  container(name, {
    resources: { requests: { memory } },
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  });

describe('oom_score_adj on a node of 10 GiB', () => {
  test.each<[string, Partial<PodSpec>, readonly number[]]>([
    ['each container by its request', { containers: [asking('a', '1Gi'), asking('b', '5Gi')] }, [900, 500]],
    [
      'a sidecar no worse than the app container that asks least',
      { containers: [asking('a', '2Gi'), asking('b', '4Gi')], initContainers: [asking('s', '1Gi', 'Always')] },
      [800, 600, 800],
    ],
    [
      'a sidecar that asks for more than the others by its own',
      { containers: [asking('a', '2Gi')], initContainers: [asking('s', '3Gi', 'Always')] },
      [800, 700],
    ],
    [
      'an init container that is none by its own',
      { containers: [asking('a', '2Gi')], initContainers: [asking('i', '1Gi')] },
      [800, 900],
    ],
    [
      'shares of what the pod asks for beyond its containers',
      { containers: [asking('a', '1Gi'), asking('b', '2Gi')], resources: { requests: { memory: '5Gi' } } },
      [800, 700],
    ],
    [
      'shares for a sidecar too',
      {
        containers: [asking('a', '2Gi')],
        initContainers: [asking('s', '1Gi', 'Always')],
        resources: { requests: { memory: '5Gi' } },
      },
      [700, 700],
    ],
    ['a node-critical pod', { priorityClassName: 'system-node-critical' }, [-997]],
  ])('%s', (_, spec, expected) => {
    const one = pod(spec);
    const containers = [...one.spec.containers, ...(one.spec.initContainers ?? [])];
    expect(containers.map((each) => oomScoreAdj(one, each, 'Burstable', 10 * GiB))).toEqual(expected);
  });
});

describe('resources of a container', () => {
  const podLevel = pod({ resources: { limits: { cpu: '2', memory: '1Gi' } } });

  test('without limits are those of the pod level', () => {
    expect(linuxResources(container('app'), { pod: podLevel })).toEqual({
      cpuShares: 2048,
      cpuPeriod: 100_000,
      cpuQuota: 200_000,
      memoryLimit: GiB,
    });
  });

  test('with limits are their own', () => {
    const resources = { requests: { cpu: '100m' }, limits: { cpu: '500m', memory: '64Mi' } };
    expect(linuxResources(container('app', { resources }), { pod: podLevel })).toEqual({
      cpuShares: 102,
      cpuPeriod: 100_000,
      cpuQuota: 50_000,
      memoryLimit: 64 * 1024 ** 2,
    });
  });

  test.each([
    [
      { enforce: false, periodMicros: 100_000 },
      { cpuPeriod: 0, cpuQuota: 0 },
    ],
    [
      { enforce: true, periodMicros: 5_000 },
      { cpuPeriod: 5_000, cpuQuota: 10_000 },
    ],
  ])('follow the settings of the quota %j', (cpuQuota, expected) => {
    const limited = container('app', { resources: { limits: { cpu: '2' } } });
    expect(linuxResources(limited, { cpuQuota })).toEqual({ cpuShares: 2048, memoryLimit: 0, ...expected });
  });
});
