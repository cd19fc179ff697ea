import { expect, test } from 'vitest';
import { resizeRefusal } from '../../../agent/admission/resize.ts';
import type { AdmissionNode } from '../../../agent/admission/types.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { container, pod } from '../pods/fixtures.ts';

const MiB = 1024 ** 2;
const node: AdmissionNode = {
  ...{ name: 'node', os: 'linux', labels: { zone: 'b' } },
  allocatable: {
    ...{ cpuMillis: 4000, memoryBytes: 4096 * MiB, ephemeralStorageBytes: 0, pods: 3, pids: 1000, hugepages: {} },
  },
};

const asking = (requests: Record<string, string>, spec: Partial<Pod['spec']> = {}): Pod =>
  pod({ containers: [container('app', { resources: { requests } })], ...spec });
const other = asking({ cpu: '1', memory: '3Gi' });
const critical = { priority: 2_000_000_000 };

test.each<readonly [string, Pod, readonly [string, string] | undefined]>([
  ['what fits', asking({ cpu: '3', memory: '1Gi' }), undefined],
  [
    'more CPU than the node has',
    asking({ cpu: '5', memory: '1Gi' }),
    ['Infeasible', "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000"],
  ],
  [
    'more of both than the node has',
    asking({ cpu: '5', memory: '4500Mi' }),
    ['Infeasible', "Node didn't have enough capacity: memory, requested: 4718592000, capacity: 4294967296"],
  ],
  [
    'CPU that another pod has',
    asking({ cpu: '3500m' }),
    ['Deferred', "Node didn't have enough resource: cpu, requested: 3500, used: 1000, capacity: 4000"],
  ],
  [
    'memory that another pod has, for a critical pod too',
    asking({ memory: '2Gi' }, critical),
    [
      'Deferred',
      "Node didn't have enough resource: memory, requested: 2147483648, used: 3221225472, capacity: 4294967296",
    ],
  ],
  [
    'on a node whose labels do not fit any more',
    asking({ cpu: '1' }, { nodeSelector: { zone: 'a' } }),
    ['Deferred', "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"],
  ],
])('%s', (_, wanted, expected) => {
  const [reason, message] = expected ?? [];
  expect(resizeRefusal(wanted, [other], node)).toEqual(expected && { reason, message });
});
