import { describe, expect, test } from 'vitest';
import type { Container } from '../../../agent/objects/types.ts';
import { computePodActions } from '../../../agent/pods/plan.ts';
import type { ProbeFailure, ProbeVerdicts } from '../../../agent/pods/plan-types.ts';
import type { RuntimeContainerStatus, SandboxStatus } from '../../../agent/runtime/types.ts';
import { container, exited, facts, instance, observed, pod, sandbox, summary } from './fixtures.ts';

const sidecar: Partial<Container> = { restartPolicy: 'Always' };
const regular = { initContainers: [container('i0'), container('i1'), container('i2')] };
const sidecars = {
  initContainers: [container('i0', sidecar), container('i1', sidecar), container('i2', sidecar)],
};
const mixed = { initContainers: [container('i0'), container('i1', sidecar), container('i2')] };
const debug = { ephemeralContainers: [container('debug')] };

const created = (name: string): RuntimeContainerStatus => instance(name, { state: 'created', startedAt: 0 });
const unknown = (name: string): RuntimeContainerStatus => instance(name, { state: 'unknown' });

const unstarted = (...names: string[]): ProbeVerdicts => ({
  isStarted: (id) => !names.includes(id.slice(0, -2)),
  failure: () => undefined,
});
const failing = (name: string, kind: ProbeFailure['kind']): ProbeVerdicts => ({
  isStarted: (id) => kind !== 'startup' || id !== `${name}-0`,
  failure: (id) => (id === `${name}-0` ? { kind, graceSeconds: undefined } : undefined),
});

interface Case {
  readonly name: string;
  readonly spec: Parameters<typeof pod>[0];
  readonly sandbox?: SandboxStatus;
  readonly containers: readonly RuntimeContainerStatus[];
  readonly probes?: ProbeVerdicts;
  readonly plan: string;
}

const lost = sandbox({ state: 'notready' });

const cases: readonly Case[] = [
  { name: 'none began: the first', spec: regular, containers: [], plan: 'start i0#0' },
  { name: 'one runs: wait', spec: regular, containers: [instance('i0')], plan: '' },
  { name: 'one is done: the next', spec: regular, containers: [exited('i0', 0)], plan: 'start i1#0' },
  {
    name: 'all are done: the app',
    spec: regular,
    containers: [exited('i0', 0), exited('i1', 0), exited('i2', 0)],
    plan: 'start app#0',
  },
  {
    name: 'the last one tells for those that are gone',
    spec: regular,
    containers: [exited('i2', 0)],
    plan: 'start app#0',
  },
  { name: 'the app tells for all', spec: regular, containers: [instance('app')], plan: '' },
  { name: 'the app ended and tells for all', spec: regular, containers: [exited('app', 1)], plan: 'start app#1' },
  { name: 'one failed: again', spec: regular, containers: [exited('i0', 0), exited('i1', 1)], plan: 'start i1#1' },
  {
    name: 'one failed, OnFailure: again',
    spec: { ...regular, restartPolicy: 'OnFailure' },
    containers: [exited('i0', 1)],
    plan: 'start i0#1',
  },
  {
    name: 'one failed, Never: the pod is over',
    spec: { ...regular, restartPolicy: 'Never' },
    containers: [exited('i0', 1)],
    plan: 'finished; stop s0',
  },
  {
    name: 'one failed, its own policy Never: the pod is over',
    spec: { initContainers: [container('i0', { restartPolicy: 'Never' })] },
    containers: [exited('i0', 1)],
    plan: 'finished; stop s0',
  },
  {
    name: 'one failed, Never, its own policy OnFailure: again',
    spec: { restartPolicy: 'Never', initContainers: [container('i0', { restartPolicy: 'OnFailure' })] },
    containers: [exited('i0', 1)],
    plan: 'start i0#1',
  },
  { name: 'unknown: killed, again', spec: regular, containers: [unknown('i0')], plan: 'kill i0-0; start i0#1' },
  {
    name: 'unknown, Never: the pod is over',
    spec: { ...regular, restartPolicy: 'Never' },
    containers: [unknown('i0')],
    plan: 'finished; stop s0; kill i0-0',
  },
  { name: 'created: made again', spec: regular, containers: [created('i0')], plan: 'start i0#0; remove i0-0' },
  {
    name: 'sandbox is dead: from the first',
    spec: regular,
    sandbox: lost,
    containers: [exited('app', 1), exited('i2', 0), exited('i0', 0)],
    plan: 'stop s0; sandbox #1; start i0#1',
  },
  {
    name: 'what the last sandbox had counts for nothing in this one',
    spec: regular,
    sandbox: sandbox({ id: 's1', attempt: 1 }),
    containers: [exited('app', 1), exited('i0', 0)],
    plan: 'start i0#1',
  },
  {
    name: 'sandbox is dead, OnFailure, the app was done: the pod is over',
    spec: { ...regular, restartPolicy: 'OnFailure' },
    sandbox: lost,
    containers: [exited('app', 0)],
    plan: 'finished; stop s0',
  },
  {
    name: 'sandbox is dead, Never: the pod is over',
    spec: { ...regular, restartPolicy: 'Never' },
    sandbox: lost,
    containers: [exited('i0', 0)],
    plan: 'finished; stop s0',
  },
  // Sidecars (KEP-753).
  { name: 'sidecar runs: the next', spec: sidecars, containers: [instance('i0')], plan: 'start i1#0' },
  {
    name: 'sidecar runs but has not started: wait',
    spec: sidecars,
    containers: [instance('i1'), instance('i0')],
    probes: unstarted('i1'),
    plan: '',
  },
  {
    name: 'startup failed: killed, again, the app waits',
    spec: sidecars,
    containers: [instance('i2'), instance('i1'), instance('i0')],
    probes: failing('i2', 'startup'),
    plan: 'kill i2-0; start i2#1',
  },
  {
    name: 'liveness failed: killed, again; it has started, so the app begins',
    spec: sidecars,
    containers: [instance('i2'), instance('i1'), instance('i0')],
    probes: failing('i2', 'liveness'),
    plan: 'kill i2-0; start i2#1; start app#0',
  },
  {
    name: 'another image: killed, again; it has started, so the app begins',
    spec: { initContainers: [container('i0', { ...sidecar, image: 'other:2' })] },
    containers: [instance('i0')],
    plan: 'kill i0-0; start i0#1; start app#0',
  },
  {
    name: 'an earlier one ended: again, beside the app',
    spec: sidecars,
    containers: [instance('i2'), instance('i1'), exited('i0', 0)],
    plan: 'start i0#1; start app#0',
  },
  {
    name: 'an earlier one and the last ended: both again, the app waits',
    spec: sidecars,
    containers: [exited('i2', 0), instance('i1'), exited('i0', 0)],
    plan: 'start i0#1; start i2#1',
  },
  {
    name: 'earlier ones are gone: again, in order',
    spec: sidecars,
    containers: [instance('i2')],
    plan: 'start i0#0; start i1#0; start app#0',
  },
  {
    name: 'ended while the app runs, Never: again all the same',
    spec: { ...sidecars, restartPolicy: 'Never' },
    containers: [instance('app'), exited('i2', 137), instance('i1'), instance('i0')],
    plan: 'start i2#1',
  },
  {
    name: 'unknown, Never: killed, again',
    spec: { ...sidecars, restartPolicy: 'Never' },
    containers: [unknown('i2'), instance('i1'), instance('i0')],
    plan: 'kill i2-0; start i2#1',
  },
  {
    name: 'the app is done, Never: sidecars do not keep the pod',
    spec: { ...sidecars, restartPolicy: 'Never' },
    containers: [exited('app', 0), exited('i2', 0), instance('i1'), instance('i0')],
    plan: 'finished; stop s0; kill i1-0,i0-0',
  },
  {
    name: 'sandbox is dead, Never: sidecars do not keep the pod',
    spec: { ...sidecars, restartPolicy: 'Never' },
    sandbox: lost,
    containers: [exited('i2', 137)],
    plan: 'finished; stop s0',
  },
  {
    name: 'between regular ones: restarted while a later one runs',
    spec: mixed,
    containers: [instance('i2'), exited('i1', 1), exited('i0', 0)],
    plan: 'start i1#1',
  },
  {
    name: 'between regular ones: restarted while a later one is tried again',
    spec: mixed,
    containers: [exited('i2', 1), exited('i1', 1), exited('i0', 0)],
    plan: 'start i1#1; start i2#1',
  },
  // Ephemeral containers (KEP-277).
  { name: 'ephemeral: beside a running app', spec: debug, containers: [instance('app')], plan: 'start debug#0' },
  {
    name: 'ephemeral: before the pod is initialized',
    spec: { ...regular, ...debug },
    containers: [instance('i0')],
    plan: 'start debug#0',
  },
  { name: 'ephemeral: not again', spec: debug, containers: [exited('debug', 0), instance('app')], plan: '' },
  {
    name: 'ephemeral: created, never started: made again',
    spec: debug,
    containers: [created('debug'), instance('app')],
    plan: 'start debug#0; remove debug-0',
  },
  { name: 'ephemeral: unknown: left alone', spec: debug, containers: [unknown('debug'), instance('app')], plan: '' },
  {
    name: 'ephemeral: not in a later sandbox either',
    spec: debug,
    sandbox: sandbox({ id: 's1', attempt: 1 }),
    containers: [instance('app', { sandboxId: 's1' }), exited('debug', 0)],
    plan: '',
  },
  {
    name: 'ephemeral: does not keep the pod',
    spec: { ...debug, restartPolicy: 'Never' },
    containers: [instance('debug'), exited('app', 0)],
    plan: 'finished; stop s0; kill debug-0',
  },
];

describe('computePodActions with init and ephemeral containers', () => {
  test.each(cases)('$name', ({ spec, sandbox: found = sandbox(), containers, probes, plan }) => {
    const all = facts(probes === undefined ? {} : { probes });
    expect(summary(computePodActions(pod(spec), observed([found], containers), all))).toBe(plan);
  });
});
