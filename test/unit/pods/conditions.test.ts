import { describe, expect, test } from 'vitest';
import type { Container, ContainerStatus, Pod, PodCondition, PodStatus } from '../../../agent/objects/types.ts';
import { podConditions } from '../../../agent/pods/conditions.ts';
import type { PodPhase } from '../../../agent/pods/phase.ts';
import { noResize } from '../../../agent/pods/resize-conditions.ts';
import type { PodFailure } from '../../../agent/pods/status.ts';
import { container, pod, t0 } from './fixtures.ts';

const sidecar: Partial<Container> = { restartPolicy: 'Always' };

/** `ready`, `started` or neither. */
const status = (name: string, what: 'ready' | 'started' | 'no'): ContainerStatus => ({
  ...{ name, image: '', imageID: '', restartCount: 0 },
  ready: what === 'ready',
  started: what !== 'no',
});

interface Case {
  readonly name: string;
  readonly spec?: Partial<Pod['spec']>;
  readonly phase?: PodPhase;
  readonly init?: readonly ContainerStatus[];
  readonly app?: readonly ContainerStatus[];
  readonly began?: boolean;
  readonly previous?: PodStatus;
  /** Of the pod, as an API server has it. */
  readonly status?: PodStatus;
  /** Initialized, Ready, ContainersReady. */
  readonly conditions: readonly [string, string, string];
}

const gates = { readinessGates: [{ conditionType: 'example.com/up' }, { conditionType: 'example.com/ok' }] };
const gate = (type: string, value: string) => ({ type: `example.com/${type}`, status: value });
const twoInits = { initContainers: [container('i0'), container('i1', sidecar)] };
const waiting = 'False ContainersNotReady containers with unready status: [app]';

const cases: readonly Case[] = [
  { name: 'app is ready', conditions: ['True', 'True', 'True'] },
  { name: 'app is not ready', app: [status('app', 'started')], conditions: ['True', waiting, waiting] },
  {
    name: 'init containers to come',
    spec: twoInits,
    init: [status('i0', 'no'), status('i1', 'no')],
    app: [status('app', 'no')],
    conditions: [
      'False ContainersNotInitialized containers with incomplete status: [i0 i1]',
      'False ContainersNotReady containers with unready status: [i1 app]',
      'False ContainersNotReady containers with unready status: [i1 app]',
    ],
  },
  {
    name: 'the sidecar has started and is not ready',
    spec: twoInits,
    init: [status('i0', 'ready'), status('i1', 'started')],
    conditions: [
      'True',
      'False ContainersNotReady containers with unready status: [i1]',
      'False ContainersNotReady containers with unready status: [i1]',
    ],
  },
  {
    name: 'the sidecar restarts after apps began',
    spec: twoInits,
    init: [status('i0', 'ready'), status('i1', 'no')],
    began: true,
    conditions: [
      'True',
      'False ContainersNotReady containers with unready status: [i1]',
      'False ContainersNotReady containers with unready status: [i1]',
    ],
  },
  {
    name: 'succeeded',
    phase: 'Succeeded',
    app: [status('app', 'no')],
    conditions: ['True PodCompleted', 'False PodCompleted', 'False PodCompleted'],
  },
  {
    name: 'failed, never initialized',
    spec: twoInits,
    phase: 'Failed',
    init: [status('i0', 'no'), status('i1', 'no')],
    conditions: [
      'False ContainersNotInitialized containers with incomplete status: [i0 i1]',
      'False PodFailed',
      'False PodFailed',
    ],
  },
  {
    name: 'readiness gates: one is missing, one is closed',
    spec: gates,
    previous: { conditions: [gate('ok', 'False')] },
    conditions: [
      'True',
      'False ReadinessGatesNotReady corresponding condition of pod readiness gate "example.com/up" does not exist., ' +
        'the status of pod readiness gate "example.com/ok" is not "True", but False',
      'True',
    ],
  },
  {
    name: 'readiness gates: all are open',
    spec: gates,
    previous: { conditions: [gate('ok', 'True'), gate('up', 'True')] },
    conditions: ['True', 'True', 'True'],
  },
  {
    name: 'readiness gates that an API server has count more than those that were seen before',
    spec: gates,
    previous: { conditions: [gate('ok', 'False')] },
    status: { conditions: [gate('ok', 'True'), gate('up', 'True')] },
    conditions: ['True', 'True', 'True'],
  },
];

describe('podConditions', () => {
  test.each(cases)('$name', ({ spec, phase = 'Running', init = [], app = [status('app', 'ready')], ...rest }) => {
    const all = podConditions({
      ...{
        pod: { ...pod(spec), ...(rest.status && { status: rest.status }) },
        phase,
        init,
        app,
        sandboxReady: true,
        now: t0,
      },
      appsBegan: rest.began ?? false,
      previous: rest.previous,
      ...{ failure: undefined, resize: noResize },
    });
    const shown = (type: string): string => {
      const found = all.find((one) => one.type === type);
      return [found?.status, found?.reason, found?.message].filter(Boolean).join(' ');
    };
    expect(['Initialized', 'Ready', 'ContainersReady'].map(shown)).toEqual(rest.conditions);
    expect([shown('PodReadyToStartContainers'), shown('PodScheduled')]).toEqual(['True', 'True']);
    expect(all.filter(({ type }) => type.startsWith('example.com/'))).toEqual(
      (rest.status ?? rest.previous)?.conditions ?? [],
    );
  });
});

describe('DisruptionTarget', () => {
  const evicted: PodFailure = { reason: 'Evicted', message: 'low on memory', disruption: 'low on memory' };
  const [before, now] = ['2025-12-31T00:00:00Z', '2026-01-01T00:00:00Z'];
  const told = (message: string, lastTransitionTime: string): PodCondition => {
    return { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message, lastTransitionTime };
  };
  const preempting = { ...told('for another', before), reason: 'PreemptionByScheduler' };
  const input = { init: [], app: [], appsBegan: true, sandboxReady: false, resize: noResize, now: t0 };

  test.each<readonly [string, PodPhase, PodFailure | undefined, PodStatus | undefined, PodStatus, PodCondition[]]>([
    ['comes when nothing of the pod runs any more', 'Failed', evicted, undefined, {}, [told('low on memory', now)]],
    ['does not come before', 'Running', evicted, undefined, {}, []],
    ['is not of a pod beyond its own limits', 'Failed', { reason: 'Evicted', message: 'full' }, undefined, {}, []],
    ['is not of a pod that failed by itself', 'Failed', undefined, undefined, {}, []],
    [
      'stays as it was told, for a daemon that does not know why, whatever a server has',
      'Failed',
      undefined,
      { conditions: [told('low', before)] },
      { conditions: [] },
      [told('low', before)],
    ],
    ['of a scheduler stays', 'Running', undefined, undefined, { conditions: [preempting] }, [preempting]],
    [
      'of a scheduler gives way to that of the node',
      'Failed',
      evicted,
      { conditions: [preempting] },
      { conditions: [preempting] },
      [told('low on memory', before)],
    ],
    ['that only a server has is not believed', 'Running', undefined, {}, { conditions: [told('low', before)] }, []],
  ])('%s', (_, phase, failure, previous, status, expected) => {
    const all = podConditions({ ...input, pod: { ...pod(), status }, phase, failure, previous });
    expect(all.filter(({ type }) => type === 'DisruptionTarget')).toEqual(expected);
  });

  test('every condition of the node tells which generation of the pod it goes by', () => {
    const second = { ...pod(), metadata: { ...pod().metadata, generation: 2 } };
    const all = podConditions({ ...input, pod: second, phase: 'Failed', failure: evicted, previous: undefined });
    expect(all.map(({ observedGeneration }) => observedGeneration)).toEqual(Array(6).fill(2));
  });
});
