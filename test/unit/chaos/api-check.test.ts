import { expect, it } from 'vitest';
import { reportDifferences, type Reported, type ReportedPod } from '../../chaos/api-check.ts';
import type { PodReport } from '../../lab/index.ts';

const annotations = { 'kubernetes.io/config.hash': 'abc' };
const status = {
  ...{ phase: 'Running', podIP: '203.0.113.2', hostIP: '198.51.100.12' },
  conditions: [{ type: 'Ready', status: 'True' }],
  containerStatuses: [
    { containerID: 'docker://1', ready: true, restartCount: 0, started: true, state: { running: {} } },
  ],
};
const own = { metadata: { name: 'p0', uid: 'u0' }, status };
const ofManifest = { metadata: { name: 'p6-n1', uid: 'abc', annotations }, status };
const mirror: ReportedPod = {
  metadata: { name: 'p6-n1', uid: 'u6', annotations: { ...annotations, 'kubernetes.io/config.mirror': 'abc' } },
  status,
};
const deployment = {
  ...{ kind: 'Deployment', metadata: { name: 'p3', generation: 2 } },
  status: { observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 },
};
const conditions = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'];
const node = {
  status: { conditions: [...conditions.map((type) => ({ type, status: 'False' })), { type: 'Ready', status: 'True' }] },
};

const rest: Reported = { node, pods: [mirror, own], controllers: [deployment] };
const reports = [own, ofManifest].map((pod) => ({ pod })) as unknown as readonly PodReport[];
const different = (reported: Partial<Reported>): number => reportDifferences({ ...rest, ...reported }, reports).length;

it('finds nothing when the API says what the node says', () => {
  expect(reportDifferences(rest, reports)).toEqual([]);
});

it.each<[string, Partial<Reported>]>([
  ['another UID', { pods: [mirror, { ...own, metadata: { ...own.metadata, uid: 'u1' } }] }],
  ['a pod that goes', { pods: [mirror, { ...own, metadata: { ...own.metadata, deletionTimestamp: 'now' } }] }],
  ['another status', { pods: [mirror, { ...own, status: { ...status, podIP: '203.0.113.3' } }] }],
  [
    'the mirror of another manifest',
    {
      pods: [
        own,
        { ...mirror, metadata: { ...mirror.metadata, annotations: { 'kubernetes.io/config.mirror': 'abd' } } },
      ],
    },
  ],
  ['a rollout that is not seen yet', { controllers: [{ ...deployment, metadata: { name: 'p3', generation: 3 } }] }],
  ['a taint', { node: { ...node, spec: { taints: [{ key: 'node.kubernetes.io/not-ready' }] } } }],
])('finds %s', (_, reported) => {
  expect(different(reported)).toBeGreaterThan(0);
});

it('finds a pod that is missing, and one too many', () => {
  expect(different({ pods: [own] })).toBe(2);
  expect(different({ pods: [own, mirror, { ...own, metadata: { name: 'p0-2', uid: 'u7' } }] })).toBe(2);
});
