import { describe, expect, it } from 'vitest';
import { humanDuration } from '../../../agent/cli/status/duration.ts';
import { summarisePod } from '../../../agent/cli/status/pod-summary.ts';
import type { ContainerStatus, Pod, PodStatus } from '../../../agent/objects/types.ts';
import { pod } from '../server/fixtures.ts';

const now = Date.parse('2026-03-01T12:00:00Z');

function container(state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus {
  const base = { name: 'web', image: 'nginx:1', imageID: '', ready: false, restartCount: 0 };
  return { ...base, ...(state === undefined ? {} : { state }), ...more };
}

const waiting = (reason: string): ContainerStatus => container({ waiting: { reason } });
const ended = (exitCode: number, reason?: string, signal?: number): ContainerStatus =>
  container({
    terminated: { exitCode, ...(reason === undefined ? {} : { reason }), ...(signal === undefined ? {} : { signal }) },
  });
const running = container({ running: {} }, { ready: true });
const notReady = container({ running: {} });
const ready: NonNullable<PodStatus['conditions']> = [{ type: 'Ready', status: 'True' }];

describe('STATUS is as kubectl prints it', () => {
  it.each<[string, PodStatus]>([
    ['Running', { phase: 'Running', containerStatuses: [running] }],
    ['Running', { phase: 'Running', containerStatuses: [notReady] }],
    ['Pending', { phase: 'Pending' }],
    ['Unknown', {}],
    ['Evicted', { phase: 'Failed', reason: 'Evicted' }],
    ['ContainerCreating', { phase: 'Pending', containerStatuses: [waiting('ContainerCreating')] }],
    ['ErrImagePull', { phase: 'Pending', containerStatuses: [waiting('ErrImagePull')] }],
    ['CrashLoopBackOff', { phase: 'Running', containerStatuses: [running, waiting('CrashLoopBackOff')] }],
    ['ErrImagePull', { phase: 'Running', containerStatuses: [waiting('ErrImagePull'), waiting('CrashLoopBackOff')] }],
    ['Completed', { phase: 'Succeeded', containerStatuses: [ended(0, 'Completed')] }],
    ['Error', { phase: 'Failed', containerStatuses: [ended(1, 'Error')] }],
    ['OOMKilled', { phase: 'Failed', containerStatuses: [ended(137, 'OOMKilled')] }],
    ['ExitCode:3', { phase: 'Failed', containerStatuses: [ended(3)] }],
    ['Signal:9', { phase: 'Failed', containerStatuses: [ended(137, undefined, 9)] }],
    ['Running', { phase: 'Running', conditions: ready, containerStatuses: [ended(0, 'Completed'), running] }],
    ['NotReady', { phase: 'Running', containerStatuses: [ended(0, 'Completed'), running] }],
  ])('%s', (status, given) => expect(summarisePod(pod('web', given), false, now).status).toBe(status));

  it('Terminating before all else', () => {
    expect(summarisePod(pod('web', { containerStatuses: [waiting('CrashLoopBackOff')] }), true, now).status).toBe(
      'Terminating',
    );
  });
});

describe('init containers', () => {
  const template = pod('x').spec.containers;
  const init = ['one', 'two'].flatMap((name) => template.map((each) => ({ ...each, name })));
  const sidecar = template.map((each) => ({ ...each, name: 'side', restartPolicy: 'Always' as const }));
  const withInit = (initContainers: Pod['spec']['containers'], status: PodStatus): Pod =>
    pod('web', status, { initContainers });
  const done = (name: string): ContainerStatus => ({ ...ended(0, 'Completed'), name });

  it.each<[string, readonly ContainerStatus[]]>([
    ['Init:0/2', [container({ running: {} }, { name: 'one' }), { ...waiting('PodInitializing'), name: 'two' }]],
    ['Init:1/2', [done('one'), { ...waiting('PodInitializing'), name: 'two' }]],
    ['Init:ErrImagePull', [done('one'), { ...waiting('ErrImagePull'), name: 'two' }]],
    ['Init:Error', [{ ...ended(1, 'Error'), name: 'one' }]],
    ['Init:ExitCode:2', [{ ...ended(2), name: 'one' }]],
    ['PodInitializing', [done('one'), done('two')]],
  ])('%s', (status, initContainerStatuses) => {
    const given: PodStatus = {
      phase: 'Pending',
      initContainerStatuses: [...initContainerStatuses],
      containerStatuses: [waiting('PodInitializing')],
    };
    expect(summarisePod(withInit(init, given), false, now).status).toBe(status);
  });

  it('that stay are counted with the others', () => {
    const side = container({ running: {} }, { name: 'side', ready: true, started: true, restartCount: 2 });
    const status: PodStatus = { phase: 'Running', initContainerStatuses: [side], containerStatuses: [running] };
    expect(summarisePod(withInit(sidecar, status), false, now)).toEqual({
      ready: '2/2',
      status: 'Running',
      restarts: '2',
      ip: '<none>',
    });
  });
});

describe('other columns', () => {
  it.each<[string, PodStatus]>([
    ['0', {}],
    ['3', { containerStatuses: [container(undefined, { restartCount: 3 })] }],
    [
      '3 (5m ago)',
      {
        containerStatuses: [
          container(undefined, {
            restartCount: 1,
            lastState: { terminated: { exitCode: 1, finishedAt: '2026-03-01T11:55:00Z' } },
          }),
          container(undefined, {
            restartCount: 2,
            lastState: { terminated: { exitCode: 1, finishedAt: '2026-03-01T11:00:00Z' } },
          }),
        ],
      },
    ],
  ])('RESTARTS %s', (restarts, status) => expect(summarisePod(pod('web', status), false, now).restarts).toBe(restarts));

  it.each([
    ['0/1', [notReady]],
    ['1/1', [running]],
    ['0/1', [ended(0, 'Completed')]],
  ])('READY %s', (expected, containerStatuses) =>
    expect(summarisePod(pod('web', { containerStatuses }), false, now).ready).toBe(expected),
  );

  it.each([
    [-1, '0s'],
    [0, '0s'],
    [119_999, '119s'],
    [120_000, '2m'],
    [200_000, '3m20s'],
    [600_000, '10m'],
    [3 * 3_600_000 - 1, '179m'],
    [3 * 3_600_000, '3h'],
    [3_600_000 * 3.5, '3h30m'],
    [8 * 3_600_000, '8h'],
    [48 * 3_600_000, '2d'],
    [50 * 3_600_000, '2d2h'],
    [8 * 86_400_000, '8d'],
    [730 * 86_400_000, '2y'],
    [3000 * 86_400_000, '8y'],
  ])('AGE of %d ms is %s', (ms, text) => expect(humanDuration(ms)).toBe(text));
});
