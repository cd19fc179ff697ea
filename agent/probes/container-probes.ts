import type { Container, Pod } from '../objects/types.ts';
import { planCheck, probeOf, probeSettings, type ProbeSettings } from './check-plan.ts';
import { failureMessage } from './render.ts';
import type { Scheduled } from './schedule.ts';
import type { Check, ProbedContainer, ProbeFailure, ProbeKind } from './types.ts';
import { firstRunDelay, initialState, released, type WorkerState } from './worker-plan.ts';

const kinds: readonly ProbeKind[] = ['startup', 'liveness', 'readiness'];

/** One probe of one container id. */
export interface Worker extends Scheduled {
  readonly container: ContainerProbes;
  readonly kind: ProbeKind;
  readonly settings: ProbeSettings;
  /** Ends the worker and the probe that it runs. */
  readonly controller: AbortController;
  state: WorkerState;
  check: Check;
  /** Its first run was scheduled. */
  begun: boolean;
}

/** The probes of one container id and what they say. */
export class ContainerProbes {
  readonly id: string;
  readonly workers: ReadonlyMap<ProbeKind, Worker>;
  readonly #container: Container;
  readonly #startedAt: number;
  #pod: Pod;
  #podIp: string | undefined;

  constructor(pod: Pod, podIp: string | undefined, { container, id, startedAt, previous }: ProbedContainer) {
    this.id = id;
    this.#container = container;
    this.#startedAt = startedAt;
    this.#pod = pod;
    this.#podIp = podIp;
    const workers = kinds.map((kind) => this.#createWorker(kind, previous));
    this.workers = new Map(workers.flatMap((worker) => (worker === undefined ? [] : [[worker.kind, worker]])));
  }

  get pod(): Pod {
    return this.#pod;
  }

  get name(): string {
    return this.#container.name;
  }

  /** From now on the probes go to this address. */
  aim(pod: Pod, podIp: string | undefined): void {
    this.#pod = pod;
    if (podIp === this.#podIp) return;
    this.#podIp = podIp;
    for (const worker of this.workers.values()) worker.check = this.#checkOf(worker.kind);
  }

  /** The workers that may run and have not begun: liveness and readiness wait until the container has started. */
  ready(): readonly Worker[] {
    const startup = this.workers.get('startup');
    const started = startup === undefined || startup.state.verdict === 'success';
    const mayRun = ({ kind, state, begun }: Worker): boolean =>
      !begun && !state.onHold && (started || kind === 'startup');
    return [...this.workers.values()].filter(mayRun);
  }

  /** Milliseconds, see {@link firstRunDelay} of the plan. */
  firstRunDelay({ settings }: Worker, now: number, daemonStartedAt: number, random: number): number {
    const { initialDelayMs, periodMs } = settings;
    return firstRunDelay({
      now,
      containerStartedAt: this.#startedAt,
      daemonStartedAt,
      initialDelayMs,
      periodMs,
      random,
    });
  }

  /** Makes liveness and startup count as success for good; returns their workers. */
  release(): readonly Worker[] {
    const ended = [...this.workers.values()].filter(({ kind }) => kind !== 'readiness');
    for (const worker of ended) worker.state = released;
    return ended;
  }

  failure(): ProbeFailure | undefined {
    const failed = [...this.workers.values()].find(
      ({ kind, state }) => kind !== 'readiness' && state.verdict === 'failure',
    );
    if (failed === undefined) return undefined;
    const { kind, settings } = failed;
    return { kind, message: failureMessage(this.name, kind), graceSeconds: settings.graceSeconds };
  }

  #createWorker(kind: ProbeKind, previous: ProbedContainer['previous']): Worker | undefined {
    const probe = probeOf(this.#container, kind);
    if (probe === undefined) return undefined;
    return {
      container: this,
      kind,
      settings: probeSettings(probe),
      controller: new AbortController(),
      state: initialState(kind, previous),
      check: this.#checkOf(kind),
      begun: false,
      dueAt: 0,
      place: undefined,
    };
  }

  #checkOf(kind: ProbeKind): Check {
    const probe = probeOf(this.#container, kind);
    return planCheck(probe ?? {}, this.#container, this.#podIp);
  }
}
