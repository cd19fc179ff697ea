import { describe, expect, test } from 'vitest';
import type { Container, ContainerStatus } from '../../../agent/objects/types.ts';
import { endedPhase, podPhase } from '../../../agent/pods/phase.ts';
import { container, pod } from './fixtures.ts';

/** `waiting`, `running` (started), `unready` (running, not started), `0` (ended), `1~` (waiting after it ended). */
function status(name: string, state: string): ContainerStatus {
  const base = { name, image: '', imageID: '', ready: false, restartCount: 0 };
  if (state === 'waiting') return { ...base, state: { waiting: { reason: 'PodInitializing' } } };
  if (state === 'running' || state === 'unready') {
    return { ...base, started: state === 'running', state: { running: {} } };
  }
  const terminated = { exitCode: Number.parseInt(state, 10) };
  if (state.endsWith('~')) return { ...base, state: { waiting: {} }, lastState: { terminated } };
  return { ...base, state: { terminated } };
}

const sidecar: Partial<Container> = { restartPolicy: 'Always' };
const never: Partial<Container> = { restartPolicy: 'Never' };
const rules: Partial<Container> = {
  restartPolicy: 'Never',
  restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
};

interface Case {
  readonly policy: 'Always' | 'OnFailure' | 'Never';
  /** State of each container; what differs from a plain one beside it. */
  readonly init?: readonly (string | readonly [string, Partial<Container>])[];
  readonly app: readonly (string | readonly [string, Partial<Container>])[];
  readonly began?: boolean;
  readonly phase: string;
}

const cases: readonly Case[] = [
  { policy: 'Always', app: ['waiting', 'waiting'], phase: 'Pending' },
  { policy: 'Always', app: ['running', 'running'], phase: 'Running' },
  { policy: 'Always', app: ['running', 'waiting'], phase: 'Pending' },
  { policy: 'Always', app: ['running', '1~'], phase: 'Running' },
  { policy: 'Always', app: ['0', '0'], phase: 'Running' },
  { policy: 'Always', app: ['1', '1'], phase: 'Running' },
  { policy: 'OnFailure', app: ['0', '0'], phase: 'Succeeded' },
  { policy: 'OnFailure', app: ['0', '1'], phase: 'Running' },
  { policy: 'OnFailure', app: ['0', '1~'], phase: 'Running' },
  { policy: 'OnFailure', app: ['0', 'running'], phase: 'Running' },
  { policy: 'Never', app: ['0', '0'], phase: 'Succeeded' },
  { policy: 'Never', app: ['0', '1'], phase: 'Failed' },
  { policy: 'Never', app: ['1', 'running'], phase: 'Running' },
  { policy: 'Never', app: ['1', 'waiting'], phase: 'Pending' },
  // The container's own policy goes before the pod's (KEP-5307).
  { policy: 'Always', app: [['1', never]], phase: 'Failed' },
  { policy: 'Always', app: [['0', never]], phase: 'Succeeded' },
  { policy: 'Always', app: [['1', never], '1'], phase: 'Running' },
  { policy: 'Never', app: [['42', rules]], phase: 'Running' },
  { policy: 'Never', app: [['1', rules]], phase: 'Failed' },
  { policy: 'Never', app: [['1', sidecar]], phase: 'Running' },
  // Regular init containers.
  { policy: 'Always', init: ['waiting'], app: ['waiting'], phase: 'Pending' },
  { policy: 'Always', init: ['running'], app: ['waiting'], phase: 'Pending' },
  { policy: 'Always', init: ['0'], app: ['waiting'], phase: 'Pending' },
  { policy: 'Always', init: ['1~'], app: ['waiting'], phase: 'Pending' },
  { policy: 'Always', init: ['0'], app: ['running'], phase: 'Running' },
  { policy: 'Always', init: ['running'], app: ['1'], phase: 'Pending' },
  { policy: 'OnFailure', init: ['1'], app: ['waiting'], phase: 'Pending' },
  { policy: 'Never', init: ['1'], app: ['waiting'], phase: 'Failed' },
  { policy: 'Never', init: ['0', '1'], app: ['waiting'], phase: 'Failed' },
  { policy: 'Always', init: [['1', never]], app: ['waiting'], phase: 'Failed' },
  // Sidecars.
  { policy: 'Always', init: [['waiting', sidecar]], app: ['waiting'], phase: 'Pending' },
  { policy: 'Always', init: [['unready', sidecar]], app: ['waiting'], phase: 'Pending' },
  { policy: 'Always', init: [['running', sidecar]], app: ['waiting'], phase: 'Pending' },
  { policy: 'Always', init: [['running', sidecar]], app: ['running'], began: true, phase: 'Running' },
  { policy: 'Always', init: [['unready', sidecar]], app: ['running'], began: true, phase: 'Running' },
  { policy: 'Always', init: [['unready', sidecar]], app: ['1'], began: false, phase: 'Pending' },
  { policy: 'Always', init: [['1~', sidecar]], app: ['running'], began: true, phase: 'Running' },
  { policy: 'Always', init: [['1', sidecar]], app: ['running'], began: true, phase: 'Running' },
  { policy: 'Never', init: [['1', sidecar]], app: ['0'], began: true, phase: 'Succeeded' },
  { policy: 'Never', init: [['running', sidecar]], app: ['0'], began: true, phase: 'Running' },
  { policy: 'Never', init: [['137', sidecar]], app: ['1'], began: true, phase: 'Failed' },
  { policy: 'OnFailure', init: ['0', ['0', sidecar]], app: ['0'], began: true, phase: 'Succeeded' },
  { policy: 'Never', init: [['1', sidecar], '0'], app: ['waiting'], phase: 'Pending' },
];

const describeCase = ({ policy, init = [], app, began }: Case): string =>
  `${policy}, init ${JSON.stringify(init)}, app ${JSON.stringify(app)}${began === true ? ', begun' : ''}`;

describe('podPhase', () => {
  test.each(cases.map((one) => [describeCase(one), one.phase, one] as const))('%s: %s', (_, phase, one) => {
    const parts = (prefix: string, list: Case['app']) =>
      list.map((entry, index) => {
        const [state, extra] = typeof entry === 'string' ? [entry, {}] : entry;
        return [container(`${prefix}${index}`, extra), status(`${prefix}${index}`, state)] as const;
      });
    const init = parts('init', one.init ?? []);
    const app = parts('app', one.app);
    const desired = pod({
      restartPolicy: one.policy,
      initContainers: init.map(([spec]) => spec),
      containers: app.map(([spec]) => spec),
    });
    const statuses = { init: init.map(([, each]) => each), app: app.map(([, each]) => each) };
    expect(podPhase(desired, { ...statuses, appsBegan: one.began ?? false })).toBe(phase);
  });

  test('what will not run any more has succeeded when all did, whatever else there is', () => {
    expect(endedPhase([status('a', '0'), status('b', '0~')])).toBe('Succeeded');
    expect(endedPhase([status('a', '0'), status('b', '3')])).toBe('Failed');
    expect(endedPhase([status('a', '0'), status('b', 'waiting')])).toBe('Failed');
  });
});
