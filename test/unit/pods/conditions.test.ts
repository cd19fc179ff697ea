import { describe, expect, test } from 'vitest';
import type { Container, ContainerStatus, Pod, PodStatus } from '../../../agent/objects/types.ts';
import { podConditions } from '../../../agent/pods/conditions.ts';
import type { PodPhase } from '../../../agent/pods/phase.ts';
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
