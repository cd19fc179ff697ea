import { expect, test } from 'vitest';
import type { PodStatus } from '../../../agent/objects/types.ts';
import { statusPatch } from '../../../agent/status/patch-plan.ts';

const condition = (type: string, status: string, more: object = {}) => ({ type, status, ...more });
const disrupted = (reason: string) => condition('DisruptionTarget', 'True', { reason });
const status = (fields: object): PodStatus => fields;

const running = status({
  phase: 'Running',
  conditions: [condition('Ready', 'True')],
  podIP: '203.0.113.2',
  podIPs: [{ ip: '203.0.113.2' }],
  qosClass: 'BestEffort',
});

test('what the server has already is not sent', () => {
  expect(statusPatch('u', { ...running, other: 1 }, running, undefined)).toBeUndefined();
});

test('a status that is new is sent whole, for this pod only', () => {
  expect(statusPatch('u', { phase: 'Pending', qosClass: 'BestEffort' }, running, undefined)).toEqual({
    metadata: { uid: 'u' },
    status: {
      phase: 'Running',
      conditions: [condition('Ready', 'True')],
      podIP: '203.0.113.2',
      podIPs: [{ $patch: 'replace' }, { ip: '203.0.113.2' }],
    },
  });
});

test.each([
  [
    'a condition of somebody else stays',
    { conditions: [condition('Ready', 'False'), condition('example.com/gate', 'True')] },
    { conditions: [condition('Ready', 'True')] },
    undefined,
    { conditions: [condition('Ready', 'True')] },
  ],
  [
    'a condition of somebody else is never written, also when this node knows an older one',
    { conditions: [condition('Ready', 'True'), condition('example.com/gate', 'True')] },
    { reason: 'Evicted', conditions: [condition('Ready', 'True'), condition('example.com/gate', 'False')] },
    { conditions: [condition('example.com/other', 'True')] },
    { reason: 'Evicted' },
  ],
  [
    'a reason that is over is taken away',
    { conditions: [condition('Ready', 'False', { reason: 'Starting', message: 'wait' })] },
    { conditions: [condition('Ready', 'True')] },
    undefined,
    { conditions: [condition('Ready', 'True', { reason: null, message: null })] },
  ],
  [
    'a condition that this node does not tell any more goes',
    { conditions: [condition('PodResizePending', 'True'), condition('Ready', 'True')] },
    { conditions: [condition('Ready', 'True')] },
    { conditions: [condition('PodResizePending', 'True')] },
    { conditions: [{ $patch: 'delete', type: 'PodResizePending' }] },
  ],
  [
    'one that an earlier daemon told goes',
    {
      conditions: [
        condition('PodResizePending', 'True'),
        disrupted('TerminationByKubelet'),
        condition('Ready', 'True'),
      ],
    },
    { conditions: [condition('Ready', 'True')] },
    undefined,
    {
      conditions: [
        { $patch: 'delete', type: 'PodResizePending' },
        { $patch: 'delete', type: 'DisruptionTarget' },
      ],
    },
  ],
  [
    'a disruption by others stays until this node ends the pod',
    { conditions: [disrupted('PreemptionByScheduler')] },
    { reason: 'Evicted', conditions: [disrupted('PreemptionByScheduler')] },
    { conditions: [disrupted('PreemptionByScheduler')] },
    { reason: 'Evicted' },
  ],
  [
    'a disruption by this node takes its place',
    { conditions: [disrupted('PreemptionByScheduler')] },
    { conditions: [disrupted('TerminationByKubelet')] },
    undefined,
    { conditions: [disrupted('TerminationByKubelet')] },
  ],
  [
    'another generation is told',
    { conditions: [condition('Ready', 'True', { observedGeneration: 1 })] },
    { conditions: [condition('Ready', 'True', { observedGeneration: 2 })] },
    undefined,
    { conditions: [condition('Ready', 'True', { observedGeneration: 2 })] },
  ],
  [
    'a field that this node wrote goes, one of others stays',
    { reason: 'Evicted', message: 'of the server', phase: 'Pending' },
    { phase: 'Pending' },
    { reason: 'Evicted', phase: 'Pending' },
    { reason: null },
  ],
])('%s', (_, current, wanted, written, patch) => {
  const before = written === undefined ? undefined : status(written);
  expect(statusPatch('u', current, status(wanted), before)).toEqual({ metadata: { uid: 'u' }, status: patch });
});
