import type { Clock } from '../clock.ts';
import type { EventRecorder } from '../events/types.ts';
import type { ProbeMetrics } from '../metrics/index.ts';
import type { Pod } from '../objects/types.ts';
import type { Log } from '../pods/deps.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { createCheckRunner, type RunCheck } from './check-run.ts';
import { ContainerProbes, type Worker } from './container-probes.ts';
import { recordOutcome } from './events.ts';
import { createSchedule, type Schedule } from './schedule.ts';
import type { Outcome, ProbedContainer, ProbeFailure, ProbeKind, ProbeManager, ProbeResult } from './types.ts';
import { decide, nextDue } from './worker-plan.ts';

/*
 * INVARIANTS
 * - One worker a container id and kind; a new id is a new worker, so nothing of a former container is carried over.
 * - A worker is in the schedule, or runs a probe, or rests (gated by the startup probe, or on hold); never two of these.
 * - What a probe finds after its worker has ended changes nothing.
 */

export interface ProbeDeps {
  readonly runtime: Pick<ContainerRuntime, 'execSync'>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  /** A verdict of a pod's container has changed. */
  readonly onChange: (podUid: string) => void;
  readonly metrics?: Pick<ProbeMetrics, 'probed' | 'remove'>;
  /** From 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
}

/** Probes the containers of all pods (`pkg/kubelet/prober`), on one timer for all of them. */
export function createProbeManager(deps: ProbeDeps): ProbeManager {
  return new Manager(deps);
}

interface ProbedPod {
  /** Liveness and startup are over. */
  ending: boolean;
  /** By container id. */
  readonly containers: Map<string, ContainerProbes>;
}

class Manager implements ProbeManager {
  readonly #deps: ProbeDeps;
  readonly #check: RunCheck;
  readonly #schedule: Schedule<Worker>;
  readonly #startedAt: number;
  readonly #pods = new Map<string, ProbedPod>();
  /** By container id, of all pods. */
  readonly #containers = new Map<string, ContainerProbes>();
  readonly #running = new Set<Promise<void>>();

  constructor(deps: ProbeDeps) {
    this.#deps = deps;
    this.#check = createCheckRunner(deps.runtime);
    this.#schedule = createSchedule(deps.clock, (worker) => this.#start(worker));
    this.#startedAt = deps.clock.now();
  }

  update(pod: Pod, podIp: string | undefined, running: readonly ProbedContainer[]): void {
    const entry = this.#entry(pod.metadata.uid);
    const ids = new Set(running.map(({ id }) => id));
    for (const [id, probes] of entry.containers) if (!ids.has(id)) this.#end(entry, id, probes);
    for (const probed of running) {
      const known = entry.containers.get(probed.id);
      if (known === undefined) this.#begin(entry, new ContainerProbes(pod, podIp, probed));
      else known.aim(pod, podIp);
    }
  }

  stopLivenessAndStartup(uid: string): void {
    const entry = this.#entry(uid);
    if (entry.ending) return;
    entry.ending = true;
    for (const probes of entry.containers.values()) this.#release(probes);
  }

  remove(uid: string): void {
    const entry = this.#pods.get(uid);
    if (entry === undefined) return;
    this.#pods.delete(uid);
    this.#deps.metrics?.remove(uid);
    for (const [id, probes] of entry.containers) this.#end(entry, id, probes);
  }

  result(containerId: string, kind: ProbeKind): ProbeResult | undefined {
    return this.#containers.get(containerId)?.workers.get(kind)?.state.verdict;
  }

  failure(containerId: string): ProbeFailure | undefined {
    return this.#containers.get(containerId)?.failure();
  }

  async stop(): Promise<void> {
    this.#schedule.stop();
    for (const uid of [...this.#pods.keys()]) this.remove(uid);
    await Promise.all(this.#running);
  }

  #entry(uid: string): ProbedPod {
    let entry = this.#pods.get(uid);
    if (entry === undefined) {
      entry = { ending: false, containers: new Map() };
      this.#pods.set(uid, entry);
    }
    return entry;
  }

  #begin(entry: ProbedPod, probes: ContainerProbes): void {
    entry.containers.set(probes.id, probes);
    this.#containers.set(probes.id, probes);
    if (entry.ending) this.#release(probes);
    else this.#scheduleFirstRuns(probes);
  }

  #end(entry: ProbedPod, id: string, probes: ContainerProbes): void {
    entry.containers.delete(id);
    this.#containers.delete(id);
    for (const worker of probes.workers.values()) this.#halt(worker);
  }

  #release(probes: ContainerProbes): void {
    for (const worker of probes.release()) this.#halt(worker);
    this.#scheduleFirstRuns(probes);
  }

  #halt(worker: Worker): void {
    this.#schedule.delete(worker);
    worker.controller.abort();
  }

  /** Of all workers of a container that may run now and have not begun: when it appears, and when it has started. */
  #scheduleFirstRuns(probes: ContainerProbes): void {
    const { clock, random = Math.random } = this.#deps;
    for (const worker of probes.ready()) {
      worker.begun = true;
      const delay = probes.firstRunDelay(worker, clock.now(), this.#startedAt, random());
      this.#schedule.set(worker, this.#schedule.now() + delay);
    }
  }

  #start(worker: Worker): void {
    const run = this.#run(worker)
      .catch((err: unknown) => {
        if (!worker.controller.signal.aborted) this.#deps.log.error({ err, kind: worker.kind }, 'probe broke');
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #run(worker: Worker): Promise<void> {
    const { id } = worker.container;
    const { signal } = worker.controller;
    const context = { containerId: id, timeoutMs: worker.settings.timeoutMs, signal };
    const begin = performance.now();
    const outcome = await this.#check(worker.check, context);
    if (signal.aborted) return;
    this.#measure(worker, outcome, (performance.now() - begin) / 1_000);
    recordOutcome(this.#deps.events, worker, outcome);
    const before = worker.state.verdict;
    worker.state = decide(worker.state, worker.kind, worker.settings.thresholds, outcome);
    if (!worker.state.onHold) {
      this.#schedule.set(worker, nextDue(worker.dueAt, worker.settings.periodMs, this.#schedule.now()));
    }
    // Last: whoever is told may end this worker.
    if (worker.state.verdict !== before) this.#publish(worker);
  }

  #measure({ container, kind }: Worker, { result }: Outcome, seconds: number): void {
    const { name, namespace, uid } = container.pod.metadata;
    this.#deps.metrics?.probed({
      ...{ pod: { name, namespace, uid }, container: container.name, kind, seconds },
      result: result === 'warning' ? 'success' : result === 'error' ? 'unknown' : result,
    });
  }

  #publish({ container, kind, state }: Worker): void {
    this.#scheduleFirstRuns(container);
    const { name, namespace, uid } = container.pod.metadata;
    const fields = { pod: `${namespace}/${name}`, container: container.name, probe: kind, result: state.verdict };
    this.#deps.log.debug(fields, 'probe result changed');
    this.#deps.onChange(uid);
  }
}
