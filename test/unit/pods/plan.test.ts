import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../agent/objects/types.ts';
import { computePodActions } from '../../../agent/pods/plan.ts';
import type { RuntimePod } from '../../../agent/runtime/types.ts';
import { container, exited, facts, instance, observed, pod, sandbox, summary, t0 } from './fixtures.ts';

interface Case {
  readonly name: string;
  readonly pod?: Pod;
  readonly observed: RuntimePod;
  readonly plan: string;
}

const two = { containers: [container('app'), container('side')] };
const lost = sandbox({ state: 'notready' });

const cases: readonly Case[] = [
  { name: 'nothing there', observed: observed(), plan: 'sandbox #0; start app#0' },
  { name: 'all runs', observed: observed([sandbox()], [instance('app')]), plan: '' },
  { name: 'one of two runs', pod: pod(two), observed: observed([sandbox()], [instance('app')]), plan: 'start side#0' },
  {
    name: 'sandbox is dead',
    observed: observed([lost], [exited('app', 137)]),
    plan: 'stop s0; sandbox #1; start app#1',
  },
  {
    name: 'sandbox died under a running container',
    observed: observed([lost], [instance('app')]),
    plan: 'stop s0; kill app-0; sandbox #1; start app#1',
  },
  {
    name: 'sandbox has no address',
    observed: observed([sandbox({ ips: [] })]),
    plan: 'stop s0; sandbox #1; start app#0',
  },
  {
    name: 'two sandboxes are ready',
    observed: observed([sandbox({ id: 's1', attempt: 1 }), sandbox()], [instance('app')]),
    plan: 'stop s1,s0; kill app-0; sandbox #2; start app#1',
  },
  {
    name: 'network mode changed',
    pod: pod({ hostNetwork: true }),
    observed: observed([sandbox()], [instance('app')]),
    plan: 'stop s0; kill app-0; sandbox #1; start app#1',
  },
  {
    name: 'host network needs no address',
    pod: pod({ hostNetwork: true }),
    observed: observed([sandbox({ hostNetwork: true, ips: [] })], [instance('app')]),
    plan: '',
  },
  { name: 'Always restarts a success', observed: observed([sandbox()], [exited('app', 0)]), plan: 'start app#1' },
  {
    name: 'OnFailure restarts a failure',
    pod: pod({ restartPolicy: 'OnFailure' }),
    observed: observed([sandbox()], [exited('app', 1)]),
    plan: 'start app#1',
  },
  {
    name: 'OnFailure is done with a success',
    pod: pod({ restartPolicy: 'OnFailure' }),
    observed: observed([sandbox()], [exited('app', 0)]),
    plan: 'finished; stop s0',
  },
  {
    name: 'OnFailure, the sandbox is lost: only what failed runs again',
    pod: pod({ ...two, restartPolicy: 'OnFailure' }),
    observed: observed([lost], [exited('app', 0), exited('side', 1)]),
    plan: 'stop s0; sandbox #1; start side#1',
  },
  {
    name: 'Never is done with a failure',
    pod: pod({ restartPolicy: 'Never' }),
    observed: observed([sandbox()], [exited('app', 1)]),
    plan: 'finished; stop s0',
  },
  {
    name: 'Never, one still runs',
    pod: pod({ ...two, restartPolicy: 'Never' }),
    observed: observed([sandbox()], [exited('app', 1), instance('side')]),
    plan: '',
  },
  {
    name: 'Never gets no second sandbox',
    pod: pod({ ...two, restartPolicy: 'Never' }),
    observed: observed([lost], [exited('app', 137)]),
    plan: 'finished; stop s0',
  },
  {
    name: 'Never gets a second sandbox when nothing ran in the first',
    pod: pod({ restartPolicy: 'Never' }),
    observed: observed([lost], [instance('app', { state: 'created' })]),
    plan: 'stop s0; sandbox #1; start app#0; remove app-0',
  },
  {
    name: 'created but never started: made again under its own number',
    observed: observed([sandbox()], [instance('app', { state: 'created', attempt: 3 })]),
    plan: 'start app#3; remove app-0',
  },
  {
    name: 'unknown state: killed, then restarted',
    observed: observed([sandbox()], [instance('app', { state: 'unknown' })]),
    plan: 'kill app-0; start app#1',
  },
  {
    name: 'unknown state, Never: killed, then restarted all the same',
    pod: pod({ restartPolicy: 'Never' }),
    observed: observed([sandbox()], [instance('app', { state: 'unknown' })]),
    plan: 'kill app-0; start app#1',
  },
  {
    name: 'its own policy Never is done with a failure in a new sandbox too',
    pod: pod({ containers: [container('app', { restartPolicy: 'Never' }), container('side')] }),
    observed: observed([lost], [exited('app', 1), exited('side', 1)]),
    plan: 'stop s0; sandbox #1; start side#1',
  },
  {
    name: 'another image: restarted whatever the policy',
    pod: pod({ restartPolicy: 'Never', containers: [container('app', { image: 'other:2' })] }),
    observed: observed([sandbox()], [instance('app')]),
    plan: 'kill app-0; start app#1',
  },
  {
    name: 'a container that the spec has no more',
    observed: observed([sandbox()], [instance('app'), instance('gone')]),
    plan: 'kill gone-0',
  },
  {
    name: 'other content under the same UID',
    pod: pod({}, { 'kubernetes.io/config.hash': 'h2' }),
    observed: observed([sandbox()], [instance('app')]),
    plan: 'replace; stop s0; kill app-0',
  },
  {
    name: 'one dead container is kept, older ones go',
    observed: observed(
      [sandbox()],
      [
        instance('app', { id: 'a2', attempt: 2 }),
        exited('app', 1, { id: 'a1', attempt: 1 }),
        exited('app', 1, { id: 'a0' }),
      ],
    ),
    plan: 'remove a0',
  },
];

describe('computePodActions', () => {
  test.each(cases)('$name', ({ pod: desired = pod(), observed: found, plan }) => {
    expect(summary(computePodActions(desired, found, facts()))).toBe(plan);
  });

  test('work that is done is not done twice, although somebody removed its container', () => {
    const published = (name: string) => (name === 'app' ? { restartCount: 0, exitCode: 0 } : undefined);
    const desired = pod({ ...two, restartPolicy: 'OnFailure' });
    const found = observed([sandbox()], [instance('side')]);
    expect(summary(computePodActions(desired, found, facts({ published })))).toBe('');
    const failed = facts({ published: () => ({ restartCount: 4, exitCode: 137 }) });
    expect(summary(computePodActions(desired, found, failed))).toBe('start app#5');
  });

  test('a container in its back-off waits until it is over', () => {
    const wait = { until: t0 + 15_000, delayMs: 10_000 };
    const actions = computePodActions(
      pod(),
      observed([sandbox()], [exited('app', 1)]),
      facts({ crashBackoff: () => wait }),
    );
    expect(actions.startContainers).toEqual([]);
    expect(actions.backingOff).toEqual([{ container: container('app'), ...wait }]);
    expect(actions.finished).toBe(false);
  });

  test('a lost sandbox is not made again before a container may start', () => {
    const wait = { until: t0 + 15_000, delayMs: 10_000 };
    const actions = computePodActions(pod(), observed([lost], [exited('app', 1)]), facts({ crashBackoff: () => wait }));
    expect(summary(actions)).toBe('stop s0; wait app');
  });
});
