import type { Container, Pod, PodStatus } from '../../../agent/objects/types.ts';
import { Backoff } from '../../../agent/backoff.ts';
import { annotation, containerHash } from '../../../agent/pods/annotations.ts';
import { isSidecar } from '../../../agent/objects/pod-resources.ts';
import { allContainers, mayRun } from '../../../agent/pods/observed.ts';
import { computePodActions } from '../../../agent/pods/plan.ts';
import type { PlanFacts, PodActions, ProbeFailure, StartContainer } from '../../../agent/pods/plan-types.ts';
import { publishedContainer } from '../../../agent/pods/published.ts';
import { backoffKey } from '../../../agent/pods/references.ts';
import { linuxResources } from '../../../agent/pods/resources.ts';
import { noResize } from '../../../agent/pods/resize-conditions.ts';
import { computePodStatus, isTerminalPhase, type PodFailure } from '../../../agent/pods/status.ts';
import type { RuntimeContainerStatus, RuntimePod, SandboxStatus } from '../../../agent/runtime/types.ts';
import { t0 } from './fixtures.ts';

/** What a daemon was about to do when it was killed; `count` effects of its plan were done. */
export interface Crash {
  readonly count: number;
}

type Effect = () => void;

/**
 * A pod and a runtime in memory. `sync` does what a pod worker's run does: read, plan, publish, apply. What happens
 * beside it comes in by {@link World.events}.
 */
export class World {
  pod: Pod;
  now = t0;
  sandboxes: readonly SandboxStatus[] = [];
  containers: readonly RuntimeContainerStatus[] = [];
  status: PodStatus | undefined;
  failure: PodFailure | undefined;
  /** IDs of containers whose startup probe has succeeded. */
  readonly started = new Set<string>();
  readonly failing = new Map<string, ProbeFailure>();
  /** `<sandbox>/<name>` of init containers that have done what the next one waits for. */
  readonly initialized = new Set<string>();
  /** Names of ephemeral containers that ran. */
  readonly ephemeralRan = new Set<string>();
  #backoff = this.#newBackoff();
  #ids = 0;

  constructor(pod: Pod) {
    this.pod = pod;
  }

  get observed(): RuntimePod {
    return { uid: this.pod.metadata.uid, sandboxes: this.sandboxes, containers: this.containers };
  }

  get isOver(): boolean {
    return this.failure !== undefined || isTerminalPhase(this.status?.phase);
  }

  backingOff(container: Container, finishedAt: number): ReturnType<Backoff['until']> {
    return this.#backoff.until(backoffKey(this.pod, container), finishedAt);
  }

  plan(): PodActions {
    const facts: PlanFacts = {
      crashBackoff: (container, finishedAt) => this.backingOff(container, finishedAt),
      probes: { isStarted: (id) => this.isStarted(id), failure: (id) => this.failing.get(id) },
      resourcesOf: linuxResources,
      isTerminal: this.isOver,
      published: (name) => publishedContainer(this.status, name),
    };
    return computePodActions(this.pod, this.observed, facts);
  }

  publish(actions: PodActions): void {
    this.status = computePodStatus({
      pod: this.pod,
      observed: this.observed,
      waiting: new Map(
        actions.backingOff.map(({ container }) => [container.name, { reason: 'CrashLoopBackOff', message: '' }]),
      ),
      previous: this.status,
      hostIps: ['198.51.100.11'],
      qosClass: 'BestEffort',
      verdicts: { isStarted: (id) => this.isStarted(id), isReady: (id) => !this.failing.has(id) },
      terminationMessages: new Map(),
      failure: this.failure,
      resize: noResize,
      isFinished: actions.finished,
      now: this.now,
    });
  }

  /** A container without a startup probe is started at once. */
  isStarted(id: string): boolean {
    const name = this.containers.find((container) => container.id === id)?.name;
    const hasProbe = allContainers(this.pod).some((one) => one.name === name && one.startupProbe !== undefined);
    return !hasProbe || this.started.has(id);
  }

  /** @param crash the daemon is killed in the middle, and another one begins */
  apply(actions: PodActions, crash?: Crash): void {
    const effects = this.#effects(actions);
    for (const effect of effects.slice(0, crash?.count)) effect();
    this.noteInitialized();
    if (crash !== undefined) this.restartDaemon();
  }

  restartDaemon(): void {
    this.#backoff = this.#newBackoff();
    this.failing.clear();
    if (this.status?.phase !== 'Failed') this.failure = undefined;
  }

  change(id: string, change: Partial<RuntimeContainerStatus>): void {
    this.containers = this.containers.map((one) => (one.id === id ? { ...one, ...change } : one));
    this.noteInitialized();
  }

  exit(id: string, exitCode: number, oomKilled = false): void {
    this.change(id, { state: 'exited', exitCode, oomKilled, finishedAt: this.now });
  }

  remove(id: string): void {
    this.containers = this.containers.filter((container) => container.id !== id);
    this.sandboxes = this.sandboxes.filter((sandbox) => sandbox.id !== id);
  }

  addSandbox(attempt: number): string {
    const id = `s${this.#ids++}`;
    const { annotations, name, namespace, uid } = this.pod.metadata;
    this.sandboxes = [
      {
        id,
        pod: { name, namespace, uid },
        attempt,
        state: 'ready',
        createdAt: this.now,
        hostNetwork: false,
        ips: ['203.0.113.9'],
        annotations,
      },
      ...this.sandboxes,
    ];
    return id;
  }

  addContainer(container: Container, sandboxId: string, attempt: number): string {
    const id = `${container.name}.${this.#ids++}`;
    this.containers = [
      {
        id,
        name: container.name,
        sandboxId,
        attempt,
        state: 'created',
        createdAt: this.now,
        startedAt: 0,
        finishedAt: 0,
        exitCode: 0,
        oomKilled: false,
        error: '',
        image: container.image,
        imageId: 'sha256:aa',
        resources: linuxResources(container),
        annotations: { [annotation.containerHash]: containerHash(container) },
      },
      ...this.containers,
    ];
    return id;
  }

  #effects(actions: PodActions): Effect[] {
    const drop = (ids: readonly string[]): Effect[] => ids.map((id) => () => this.remove(id));
    const sandboxIds = actions.stopSandboxes.map(({ id }) => id);
    const running = this.containers.filter(mayRun).map(({ id }) => id);
    const kill = (ids: readonly string[]): Effect[] => ids.map((id) => () => this.exit(id, 137));
    if (actions.replace) {
      return [...kill(running), ...drop([...this.containers.map(({ id }) => id), ...sandboxIds])];
    }
    if (actions.finished) {
      return running.length > 0 ? kill(running) : drop([...sandboxIds, ...actions.removeContainers]);
    }
    return [
      ...kill(actions.killContainers.map(({ container }) => container.id)),
      ...drop(sandboxIds),
      ...actions.resizeContainers.map((resize) => () => this.change(resize.id, { resources: resize.resources })),
      ...this.#startEffects(actions),
      ...drop(actions.removeContainers),
    ];
  }

  #startEffects({ createSandbox, sandboxId, startContainers }: PodActions): Effect[] {
    let sandbox = sandboxId ?? '';
    const made: Effect[] = createSandbox === undefined ? [] : [() => (sandbox = this.addSandbox(createSandbox))];
    const starts = startContainers.flatMap((start) => {
      let id = '';
      return [() => (id = this.addContainer(start.container, sandbox, start.attempt)), () => this.#run(id, start)];
    });
    return [...made, ...starts];
  }

  #run(id: string, { container, kind, lastFinishedAt }: StartContainer): void {
    if (lastFinishedAt !== undefined) this.#backoff.next(backoffKey(this.pod, container), lastFinishedAt);
    if (kind === 'ephemeral') this.ephemeralRan.add(container.name);
    this.change(id, { state: 'running', startedAt: this.now });
  }

  /** To be called when something has changed: remembers which init containers let the next one start. */
  noteInitialized(): void {
    for (const container of this.pod.spec.initContainers ?? []) {
      for (const { id, name, sandboxId, state, exitCode } of this.containers) {
        const isDone = isSidecar(container)
          ? state === 'running' && this.isStarted(id)
          : state === 'exited' && exitCode === 0;
        if (name === container.name && isDone) this.initialized.add(`${sandboxId}/${name}`);
      }
    }
  }

  #newBackoff(): Backoff {
    return new Backoff({ clock: { now: () => this.now }, initialMs: 10_000, maxMs: 300_000 });
  }
}
