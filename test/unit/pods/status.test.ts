import { describe, expect, test } from 'vitest';
import type { Pod, PodStatus } from '../../../agent/objects/types.ts';
import { timestamp, type WaitingReason } from '../../../agent/pods/container-status.ts';
import { noResize } from '../../../agent/pods/resize-conditions.ts';
import { computePodStatus } from '../../../agent/pods/status.ts';
import type { RuntimePod } from '../../../agent/runtime/types.ts';
import { container, exited, instance, observed, pod, sandbox, t0 } from './fixtures.ts';

function statusOf(
  desired: Pod,
  found: RuntimePod,
  extra: { waiting?: Record<string, WaitingReason>; previous?: PodStatus; resizing?: string; now?: number } = {},
): PodStatus {
  return computePodStatus({
    pod: desired,
    observed: found,
    waiting: new Map(Object.entries(extra.waiting ?? {})),
    previous: extra.previous,
    hostIps: ['198.51.100.11'],
    qosClass: 'BestEffort',
    verdicts: { isStarted: () => true, isReady: () => true },
    terminationMessages: new Map(),
    failure: undefined,
    resize: { ...noResize, progress: extra.resizing ? { containers: [extra.resizing], error: undefined } : undefined },
    isFinished: false,
    now: extra.now ?? t0 + 60_000,
  });
}

const two = { containers: [container('app'), container('side')] };

interface PhaseCase {
  readonly name: string;
  readonly spec?: Partial<Pod['spec']>;
  readonly found: RuntimePod;
  readonly phase: string;
  readonly ready: string;
}

const phases: readonly PhaseCase[] = [
  { name: 'nothing there', found: observed(), phase: 'Pending', ready: 'False ContainersNotReady' },
  { name: 'all run', found: observed([sandbox()], [instance('app')]), phase: 'Running', ready: 'True' },
  {
    name: 'one of two is not there',
    spec: two,
    found: observed([sandbox()], [instance('app')]),
    phase: 'Pending',
    ready: 'False ContainersNotReady',
  },
  {
    name: 'one of two ended',
    spec: { ...two, restartPolicy: 'Never' },
    found: observed([sandbox()], [instance('app'), exited('side', 1)]),
    phase: 'Running',
    ready: 'False ContainersNotReady',
  },
  {
    name: 'all ended with 0, Never',
    spec: { restartPolicy: 'Never' },
    found: observed([sandbox()], [exited('app', 0)]),
    phase: 'Succeeded',
    ready: 'False PodCompleted',
  },
  {
    name: 'all ended, one with 1, Never',
    spec: { ...two, restartPolicy: 'Never' },
    found: observed([sandbox()], [exited('app', 0), exited('side', 1)]),
    phase: 'Failed',
    ready: 'False PodFailed',
  },
  {
    name: 'ended with 1, OnFailure',
    spec: { restartPolicy: 'OnFailure' },
    found: observed([sandbox()], [exited('app', 1)]),
    phase: 'Running',
    ready: 'False ContainersNotReady',
  },
  {
    name: 'ended with 0, Always',
    found: observed([sandbox()], [exited('app', 0)]),
    phase: 'Running',
    ready: 'False ContainersNotReady',
  },
];

describe('phase and readiness', () => {
  test.each(phases)('$name', ({ spec, found, phase, ready }) => {
    const status = statusOf(pod(spec), found);
    const condition = status.conditions?.find(({ type }) => type === 'Ready');
    expect(status.phase).toBe(phase);
    expect([condition?.status, condition?.reason].filter(Boolean).join(' ')).toBe(ready);
  });
});

describe('container status', () => {
  const first = (status: PodStatus) => status.containerStatuses?.[0];

  test('of one that runs', () => {
    expect(first(statusOf(pod(), observed([sandbox()], [instance('app', { attempt: 2 })])))).toEqual({
      name: 'app',
      state: { running: { startedAt: '2026-01-01T00:00:01Z' } },
      lastState: {},
      ready: true,
      started: true,
      restartCount: 2,
      image: 'registry.test/app:1',
      imageID: 'docker://sha256:aa',
      containerID: 'docker://app-0',
    });
  });

  test('tells the image that it runs, also when the pod asks for another one by now', () => {
    const edited = pod({ containers: [{ ...container('app'), image: 'registry.test/app:2' }] });
    const previous = statusOf(pod(), observed([sandbox()], [instance('app')]));
    const imageOf = (found: RuntimePod): string | undefined => first(statusOf(edited, found, { previous }))?.image;
    expect(imageOf(observed([sandbox()], [instance('app')]))).toBe('registry.test/app:1');
    expect(imageOf(observed([sandbox()], [exited('app', 0)]))).toBe('registry.test/app:1');
    expect(imageOf(observed([sandbox()], [instance('app', { id: 'app-1', attempt: 1 })]))).toBe('registry.test/app:2');
  });

  test('of one that waits for its back-off tells how it ended', () => {
    const waiting = { app: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } };
    const status = first(statusOf(pod(), observed([sandbox()], [exited('app', 7)]), { waiting }));
    expect(status?.state).toEqual({ waiting: waiting.app });
    expect(status?.lastState?.terminated).toEqual({
      exitCode: 7,
      reason: 'Error',
      startedAt: '2026-01-01T00:00:01Z',
      finishedAt: '2026-01-01T00:00:05Z',
      containerID: 'docker://app-0',
    });
  });

  test.each([
    [{ oomKilled: true, exitCode: 137 }, 'OOMKilled'],
    [{ exitCode: 0 }, 'Completed'],
    [{ exitCode: 1 }, 'Error'],
    [{ exitCode: 127, startedAt: 0, error: 'no such file' }, 'ContainerCannotRun'],
  ])('of one that ended with %j: %s', (extra, reason) => {
    const status = first(statusOf(pod({ restartPolicy: 'Never' }), observed([sandbox()], [exited('app', 0, extra)])));
    expect(status?.state?.terminated?.reason).toBe(reason);
  });

  test('of one that somebody removed remembers it', () => {
    const previous = statusOf(pod(), observed([sandbox()], [instance('app', { attempt: 3 })]));
    const status = first(statusOf(pod(), observed([sandbox()]), { previous }));
    expect(status?.state).toEqual({ waiting: { reason: 'ContainerCreating', message: '' } });
    expect(status?.restartCount).toBe(3);
    expect(status?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
  });
});

describe('what somebody removed from under the pod', () => {
  const ran = statusOf(pod(), observed([sandbox()], [instance('app')]));
  const ended = statusOf(pod({ restartPolicy: 'Never' }), observed([sandbox()], [exited('app', 3)]));

  test('one that has ended keeps what was published of it', () => {
    const status = statusOf(pod({ ...two, restartPolicy: 'Never' }), observed([sandbox()], [instance('side')]), {
      previous: { ...ended, phase: 'Running' },
    });
    expect(status.containerStatuses?.[0]).toEqual(ended.containerStatuses?.[0]);
  });

  test('a waiting reason shows, with the end before it', () => {
    const waiting = { app: { reason: 'ErrImagePull', message: 'no' } };
    const previous: PodStatus = { ...ended, phase: 'Running' };
    const [status] = statusOf(pod(), observed([sandbox()]), { previous, waiting }).containerStatuses ?? [];
    expect([status?.state, status?.lastState]).toEqual([{ waiting: waiting.app }, ended.containerStatuses?.[0]?.state]);
  });

  test('the next instance remembers the one that vanished', () => {
    const next = observed([sandbox()], [instance('app', { id: 'app-1', attempt: 1 })]);
    const status = statusOf(pod(), next, { previous: ran });
    expect(status.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      reason: 'ContainerStatusUnknown',
      containerID: 'docker://app-0',
    });
    expect(statusOf(pod(), next, { previous: status })).toEqual(status);
  });

  test('one in an unknown state that ran has ended, as far as can be told', () => {
    const found = observed([sandbox()], [instance('app', { state: 'unknown' })]);
    const status = statusOf(pod(), found, { previous: ran });
    expect(status.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 137 });
  });

  test('an init container has ended well when app containers exist; a sidecar starts again', () => {
    const desired = pod({ initContainers: [container('i0'), container('s0', { restartPolicy: 'Always' })] });
    const status = statusOf(desired, observed([sandbox()], [instance('app')]));
    expect(
      status.initContainerStatuses?.map(({ name, ready, state }) => [name, ready, state?.terminated?.exitCode]),
    ).toEqual([
      ['i0', true, 0],
      ['s0', false, undefined],
    ]);
  });

  test('an ephemeral container is never ready', () => {
    const desired = pod({ ephemeralContainers: [container('debug')] });
    const [status] =
      statusOf(desired, observed([sandbox()], [instance('debug'), instance('app')])).ephemeralContainerStatuses ?? [];
    expect([status?.ready, status?.started, status?.state?.running === undefined]).toEqual([false, false, false]);
  });
});

describe('the rest of the status', () => {
  test('transition times move only when the status of a condition changes', () => {
    const before = statusOf(pod(), observed([sandbox()], [instance('app')]), { now: t0 });
    const same = statusOf(pod(), observed([sandbox()], [instance('app')]), { previous: before, now: t0 + 90_000 });
    const ended = statusOf(pod(), observed([sandbox()], [exited('app', 1)]), { previous: same, now: t0 + 99_000 });
    const since = (status: PodStatus, type: string): string | undefined =>
      status.conditions?.find((condition) => condition.type === type)?.lastTransitionTime;
    expect(same).toEqual(before);
    expect(since(ended, 'Ready')).toBe(timestamp(t0 + 99_000));
    expect(since(ended, 'PodScheduled')).toBe(timestamp(t0));
  });

  test('addresses: of the sandbox, of the node on the host network, and kept when the pod has ended', () => {
    const dual = observed([sandbox({ ips: ['203.0.113.2', '2001:db8:1::2'] })], [instance('app')]);
    const running = statusOf(pod(), dual);
    expect(running).toMatchObject({ podIP: '203.0.113.2', podIPs: [{ ip: '203.0.113.2' }, { ip: '2001:db8:1::2' }] });
    const onHost = statusOf(pod({ hostNetwork: true }), observed([sandbox({ hostNetwork: true, ips: [] })]));
    expect(onHost).toMatchObject({ hostIP: '198.51.100.11', podIP: '198.51.100.11' });
    const ended = statusOf(pod({ restartPolicy: 'Never' }), observed([], [exited('app', 0)]), { previous: running });
    expect(ended.podIP).toBe('203.0.113.2');
  });

  test('the start time is when the pod was first seen, as its oldest sandbox says, and stays', () => {
    const seen = (ms: number): Record<string, string> => ({ 'kubernetes.io/config.seen': new Date(ms).toISOString() });
    const desired = pod({}, seen(t0 + 9000));
    expect(statusOf(desired, observed()).startTime).toBe(timestamp(t0 + 9000));
    const found = observed([sandbox({ attempt: 1, annotations: seen(t0 + 5000) }), sandbox({ annotations: seen(t0) })]);
    expect(statusOf(desired, found).startTime).toBe(timestamp(t0));
    const previous: PodStatus = { startTime: timestamp(t0 - 7000) };
    expect(statusOf(desired, found, { previous }).startTime).toBe(timestamp(t0 - 7000));
  });
});

test('a container that is still to be resized shows what it has beside what it was granted', () => {
  const sized = (cpu: string) => ({ resources: { requests: { cpu }, limits: { cpu } } });
  const found = observed([sandbox()], [instance('app'), instance('side')]);
  const wanting = (cpu: string): Pod => pod({ containers: ['app', 'side'].map((name) => container(name, sized(cpu))) });
  const previous = statusOf(wanting('1'), found);
  const { containerStatuses = [] } = statusOf(wanting('2'), found, { previous, resizing: 'app' });
  const shown = containerStatuses.map(({ allocatedResources, resources }) => ({ allocatedResources, resources }));
  expect(shown).toEqual([
    { allocatedResources: { cpu: '2' }, ...sized('1') },
    { allocatedResources: { cpu: '2' }, ...sized('2') },
  ]);
});
