import { describe, expect, test } from 'vitest';
import type { Container } from '../../../agent/objects/types.ts';
import { createProbeManager, type ProbedContainer, type ProbeManager } from '../../../agent/probes/index.ts';
import { ExecTimeoutError, type ExecSyncResult } from '../../../agent/runtime/types.ts';
import { container, pod } from '../pods/fixtures.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

/** When the daemon started. */
const t0 = Date.UTC(2026, 0, 1);

type Probe = NonNullable<Container['livenessProbe']>;
type Answer = number | Error | Promise<ExecSyncResult>;

interface Bench {
  readonly clock: FakeClock;
  readonly manager: ProbeManager;
  /** What each command answers; exit code 0 when it is not here. */
  readonly answers: Map<string, Answer>;
  /** `<seconds since t0> <container id> <command>` of each run. */
  readonly runs: string[];
  readonly signals: AbortSignal[];
  /** `<field path> <reason>: <message>` */
  readonly events: string[];
  readonly changes: string[];
  /** `<container> <kind> <result>` of each run, `<uid> gone` of each pod. */
  readonly counted: string[];
}

function bench(): Bench {
  const clock = createFakeClock(t0);
  const answers = new Map<string, Answer>();
  const counted: string[] = [];
  const [runs, events, changes, signals] = [[] as string[], [] as string[], [] as string[], [] as AbortSignal[]];
  const silent = (): void => undefined;
  const execSync = async (
    id: string,
    command: readonly string[],
    _timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ExecSyncResult> => {
    const line = command.join(' ');
    runs.push(`${(clock.now() - t0) / 1000} ${id} ${line}`);
    signals.push(signal);
    const answer = answers.get(line) ?? 0;
    if (answer instanceof Error) throw answer;
    return typeof answer === 'number' ? { exitCode: answer, stdout: 'out ', stderr: 'err' } : answer;
  };
  const manager = createProbeManager({
    runtime: { execSync },
    events: {
      event: ({ fieldPath = '' }, type, reason, message) => events.push(`${type} ${fieldPath} ${reason}: ${message}`),
    },
    clock,
    log: { info: silent, warn: silent, error: silent, debug: silent },
    onChange: (uid) => changes.push(uid),
    metrics: {
      probed: ({ container: name, kind, result }) => counted.push(`${name} ${kind} ${result}`),
      remove: (uid) => counted.push(`${uid} gone`),
    },
    random: () => 0.5,
  });
  return { clock, manager, answers, runs, signals, events, changes, counted };
}

const exec = (line: string, extra: Partial<Probe> = {}): Probe => ({
  exec: { command: line.split(' ') },
  periodSeconds: 10,
  ...extra,
});

function running(probes: Partial<Container>, extra: Partial<ProbedContainer> = {}): ProbedContainer {
  return { container: container('app', probes), id: 'c1', startedAt: t0, previous: undefined, ...extra };
}

function verdicts(manager: ProbeManager, id = 'c1'): readonly unknown[] {
  return [manager.result(id, 'startup'), manager.result(id, 'liveness'), manager.result(id, 'readiness')];
}

describe('a container', () => {
  test('without probes has no verdicts and costs nothing', async () => {
    const { clock, manager, runs } = bench();
    manager.update(pod(), '192.0.2.7', [running({})]);
    await clock.advance(60_000);
    expect({ verdicts: verdicts(manager), runs }).toEqual({ verdicts: [undefined, undefined, undefined], runs: [] });
  });

  test('is probed at once and then at its period', async () => {
    const { clock, manager, runs, changes } = bench();
    manager.update(pod(), undefined, [running({ readinessProbe: exec('ready') })]);
    expect(verdicts(manager)).toEqual([undefined, undefined, 'failure']);
    await clock.advance(25_000);
    expect(runs).toEqual(['0 c1 ready', '10 c1 ready', '20 c1 ready']);
    expect(verdicts(manager)).toEqual([undefined, undefined, 'success']);
    expect(changes).toEqual(['u1']);
  });

  test('is counted at each run, until the pod is gone', async () => {
    const { clock, manager, answers, counted } = bench();
    answers.set('ready', 1);
    answers.set('alive', new Error('no such container'));
    manager.update(pod(), undefined, [running({ readinessProbe: exec('ready') })]);
    await clock.advance(5_000);
    answers.set('ready', 0);
    await clock.advance(10_000);
    manager.update(pod(), undefined, [running({ livenessProbe: exec('alive') }, { id: 'c2' })]);
    await clock.advance(5_000);
    manager.remove('u1');
    expect(counted).toEqual(['app readiness failure', 'app readiness success', 'app liveness unknown', 'u1 gone']);
  });

  test('is left alone during its initial delay, which counts from its start', async () => {
    const { clock, manager, runs } = bench();
    await clock.advance(4_000);
    manager.update(pod(), undefined, [
      running({ livenessProbe: exec('alive', { initialDelaySeconds: 7 }) }, { startedAt: t0 + 2_000 }),
    ]);
    await clock.advance(20_000);
    expect(runs).toEqual(['9 c1 alive', '19 c1 alive']);
  });

  test('is asked for liveness and readiness only after it has started', async () => {
    const { clock, manager, answers, runs } = bench();
    const probes = { startupProbe: exec('started'), livenessProbe: exec('alive'), readinessProbe: exec('ready') };
    answers.set('started', 1);
    manager.update(pod(), undefined, [running(probes)]);
    await clock.advance(15_000);
    expect(verdicts(manager)).toEqual(['unknown', 'success', 'failure']);
    answers.set('started', 0);
    await clock.advance(20_000);
    expect(runs).toEqual([
      '0 c1 started',
      '10 c1 started',
      '20 c1 started',
      '20 c1 alive',
      '20 c1 ready',
      '30 c1 alive',
      '30 c1 ready',
    ]);
    expect(verdicts(manager)).toEqual(['success', 'success', 'success']);
  });

  test('that fails its liveness probe is to be killed, and not asked again until its id is new', async () => {
    const { clock, manager, answers, runs, events, changes } = bench();
    const probe = exec('alive', { failureThreshold: 2, terminationGracePeriodSeconds: 3 });
    answers.set('alive', 7);
    manager.update(pod(), undefined, [running({ livenessProbe: probe })]);
    await clock.advance(5_000);
    expect(manager.failure('c1')).toBeUndefined();
    await clock.advance(40_000);
    expect(runs).toEqual(['0 c1 alive', '10 c1 alive']);
    const failure = { kind: 'liveness', message: 'Container app failed liveness probe', graceSeconds: 3 };
    expect({ failure: manager.failure('c1'), changes }).toEqual({ failure, changes: ['u1'] });
    const event = 'Warning spec.containers{app} Unhealthy: Liveness probe failed: out err';
    expect(events).toEqual([event, event]);

    manager.update(pod(), undefined, [running({ livenessProbe: probe }, { id: 'c2', startedAt: clock.now() })]);
    expect([manager.result('c1', 'liveness'), manager.failure('c1'), manager.result('c2', 'liveness')]).toEqual([
      undefined,
      undefined,
      'success',
    ]);
    await clock.advance(1_000);
    expect(runs.at(-1)).toBe('45 c2 alive');
  });

  test('that does not start is to be killed', async () => {
    const { clock, manager, answers } = bench();
    answers.set('started', 1);
    manager.update(pod(), undefined, [running({ startupProbe: exec('started', { failureThreshold: 1 }) })]);
    await clock.advance(1_000);
    const message = 'Container app failed startup probe';
    expect(manager.failure('c1')).toEqual({ kind: 'startup', message, graceSeconds: undefined });
  });

  test('that is gone has no verdicts, and its probe is stopped', async () => {
    const { clock, manager, answers, signals, changes } = bench();
    answers.set('ready', new Promise<ExecSyncResult>(() => undefined));
    manager.update(pod(), undefined, [running({ readinessProbe: exec('ready') })]);
    await clock.advance(0);
    manager.update(pod(), undefined, []);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await clock.advance(60_000);
    expect({ verdicts: verdicts(manager), changes }).toEqual({
      verdicts: [undefined, undefined, undefined],
      changes: [],
    });
  });
});

describe('what cannot be run', () => {
  test('is tried three times and changes nothing', async () => {
    const { clock, manager, answers, runs, events } = bench();
    answers.set('alive', new Error('no such container'));
    manager.update(pod(), undefined, [running({ livenessProbe: exec('alive', { failureThreshold: 1 }) })]);
    await clock.advance(5_000);
    expect(runs).toEqual(['0 c1 alive', '0 c1 alive', '0 c1 alive']);
    expect(manager.failure('c1')).toBeUndefined();
    expect(events).toEqual([
      'Warning spec.containers{app} Unhealthy: Liveness probe errored and resulted in unknown state: no such container',
    ]);
  });

  test('is not a command that took too long: that has failed', async () => {
    const { clock, manager, answers, events } = bench();
    answers.set('sleep 9', new ExecTimeoutError('killed'));
    const app = container('side', { livenessProbe: exec('sleep 9', { failureThreshold: 1 }) });
    manager.update(pod({ initContainers: [app] }), undefined, [running({}, { container: app })]);
    await clock.advance(0);
    expect(manager.failure('c1')?.kind).toBe('liveness');
    expect(events).toEqual([
      'Warning spec.initContainers{side} Unhealthy: Liveness probe failed: command timed out: "sleep 9" timed out after 1s',
    ]);
  });

  test('the output in an event is bounded', async () => {
    const { clock, manager, answers, events } = bench();
    answers.set('ready', Promise.resolve({ exitCode: 1, stdout: 'x'.repeat(16_384), stderr: '' }));
    manager.update(pod(), undefined, [running({ readinessProbe: exec('ready') })]);
    await clock.advance(0);
    expect(events).toEqual([`Warning spec.containers{app} Unhealthy: Readiness probe failed: ${'x'.repeat(10_240)}`]);
  });
});

describe('after a restart of the daemon', () => {
  const before = { startedAt: t0 - 3_600_000 };

  test('verdicts are those from before until probes say otherwise, and first runs are spread', async () => {
    const { clock, manager, answers, runs, changes } = bench();
    const probes = {
      startupProbe: exec('started'),
      livenessProbe: exec('alive'),
      readinessProbe: exec('ready', { periodSeconds: 4, failureThreshold: 2 }),
    };
    answers.set('ready', 1);
    manager.update(pod(), undefined, [running(probes, { ...before, previous: { started: true, ready: true } })]);
    expect(verdicts(manager)).toEqual(['success', 'success', 'success']);
    await clock.advance(5_500);
    expect({ runs, changes }).toEqual({ runs: ['2 c1 ready', '5 c1 alive'], changes: [] });
    await clock.advance(1_000);
    expect({ verdicts: verdicts(manager), changes }).toEqual({
      verdicts: ['success', 'success', 'failure'],
      changes: ['u1'],
    });
  });

  test('containers that start later are not spread', async () => {
    const { clock, manager, runs } = bench();
    await clock.advance(1_000);
    manager.update(pod(), undefined, [running({ readinessProbe: exec('ready') }, { startedAt: t0 + 1_000 })]);
    await clock.advance(0);
    expect(runs).toEqual(['1 c1 ready']);
  });
});

describe('a pod that ends', () => {
  const probes = { startupProbe: exec('started'), livenessProbe: exec('alive'), readinessProbe: exec('ready') };

  test('is asked for readiness only; the other probes count as success', async () => {
    const { clock, manager, answers, runs } = bench();
    answers.set('started', 1);
    manager.update(pod(), undefined, [running(probes)]);
    await clock.advance(5_000);
    manager.stopLivenessAndStartup('u1');
    expect(verdicts(manager)).toEqual(['success', 'success', 'failure']);
    await clock.advance(20_000);
    expect(runs).toEqual(['0 c1 started', '5 c1 ready', '15 c1 ready', '25 c1 ready']);
    expect(manager.failure('c1')).toBeUndefined();
  });

  test('may be said to end before its containers are known', async () => {
    const { clock, manager, runs } = bench();
    manager.stopLivenessAndStartup('u1');
    manager.update(pod(), undefined, [running(probes)]);
    await clock.advance(1_000);
    expect({ runs, verdicts: verdicts(manager) }).toEqual({
      runs: ['0 c1 ready'],
      verdicts: ['success', 'success', 'success'],
    });
  });

  test('and is removed leaves nothing behind', async () => {
    const { clock, manager, runs } = bench();
    manager.update(pod(), undefined, [running(probes)]);
    manager.remove('u1');
    manager.remove('u1');
    await clock.advance(60_000);
    expect({ runs, verdicts: verdicts(manager) }).toEqual({ runs: [], verdicts: [undefined, undefined, undefined] });
  });
});

test('a repeated update changes nothing', async () => {
  const { clock, manager, runs } = bench();
  for (let seconds = 0; seconds < 25; seconds += 1) {
    manager.update(pod(), '192.0.2.7', [running({ readinessProbe: exec('ready') })]);
    await clock.advance(1_000);
  }
  expect(runs).toEqual(['0 c1 ready', '10 c1 ready', '20 c1 ready']);
});

test('commands that hang do not keep those of other containers from running', async () => {
  const { clock, manager, answers, runs } = bench();
  answers.set('hang', new Promise<ExecSyncResult>(() => undefined));
  const hanging = Array.from({ length: 8 }, (_, index) =>
    running({ livenessProbe: exec('hang') }, { id: `h${index}` }),
  );
  manager.update(pod(), undefined, [...hanging, running({ livenessProbe: exec('alive') })]);
  await clock.advance(10_000);
  expect(runs.filter((run) => run.endsWith('alive'))).toEqual(['0 c1 alive', '10 c1 alive']);
});

test('stop ends the probes under way and all timers', async () => {
  const { clock, manager, answers, signals } = bench();
  const hang = (signal: AbortSignal | undefined): Promise<ExecSyncResult> =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
  answers.set('ready', 0);
  manager.update(pod(), undefined, [running({ readinessProbe: exec('ready'), livenessProbe: exec('alive') })]);
  await clock.advance(0);
  answers.set('ready', hang(signals[0]));
  await clock.advance(10_000);
  await manager.stop();
  expect({ sleepers: clock.sleepers(), verdicts: verdicts(manager) }).toEqual({
    sleepers: 0,
    verdicts: [undefined, undefined, undefined],
  });
});
