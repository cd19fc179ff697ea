import { dependsOn } from '../objects/references.ts';
import { isDeleted, type Pod } from '../objects/types.ts';
import type { RuntimePodSummary } from '../runtime/types.ts';
import { createWorkQueue } from '../work-queue.ts';
import { withAllocation } from './allocation.ts';
import { takeDesired } from './desired-plan.ts';
import type { PodManager, PodManagerOptions } from './manager-types.ts';
import { createPodRecord, type PodRecord } from './pod-record.ts';
import { admittedOf, hasNameOf, isOrphan, type PodView, viewsOf } from './pod-views.ts';
import { createPodWorker } from './pod-worker.ts';
import { recallAll } from './publish.ts';
import { type PodFailure, isTerminalPhase } from './status.ts';

/*
 * INVARIANTS
 * - One record, and so one worker, a pod UID.
 * - No pod runs before the runtime was listed and every source delivered once.
 * - No orphan is ended before every source has said all that it wants; see {@link isOrphan}.
 * - A pod whose namespace and name an older pod still holds waits until that one has ended (kubelet: `allowStaticPodStart`).
 */

class Manager implements PodManager {
  readonly #options: PodManagerOptions;
  readonly #records = new Map<string, PodRecord>();
  readonly #fingerprints = new Map<string, string>();
  readonly #worker;
  readonly #queue;
  readonly #unsubscribe: readonly (() => void)[];
  /** UIDs whose first run is still to come; undefined before the start. */
  #firstRuns: Set<string> | undefined;
  #listed: readonly RuntimePodSummary[] | undefined;
  #firstReconcileDone = false;

  constructor(options: PodManagerOptions) {
    this.#options = options;
    this.#worker = createPodWorker(options.deps);
    this.#queue = createWorkQueue((uid, signal) => this.#run(uid, signal));
    this.#unsubscribe = [
      options.store.subscribe((uids) => this.#storeChanged(uids)),
      options.store.subscribeObjects((keys) => this.#objectsChanged(keys)),
    ];
  }

  relisted(pods: readonly RuntimePodSummary[]): void {
    this.#listed = pods;
    if (!this.#maybeStart()) this.#takeList(pods);
  }

  wake(uid: string): void {
    if (this.#records.has(uid)) this.#queue.wake(uid);
  }

  wakeAll(): void {
    for (const uid of this.#records.keys()) this.wake(uid);
  }

  pods(): readonly PodView[] {
    return viewsOf(this.#records.values());
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#queue.stop();
  }

  admitted(): readonly Pod[] {
    return admittedOf(this.#records.values(), (uid) => this.#fingerprints.has(uid));
  }

  fail(uid: string, failure: PodFailure, graceSeconds: number | undefined): void {
    const record = this.#records.get(uid);
    if (record === undefined || record.terminating || record.failure !== undefined) return;
    if (isTerminalPhase(record.status?.phase)) return;
    record.failure = failure;
    record.failureGraceSeconds = graceSeconds;
    this.#queue.interrupt(uid, new Error(failure.message));
    this.#queue.wake(uid);
  }

  rerun(uid: string): boolean {
    const record = this.#records.get(uid);
    if (record === undefined || record.terminating || !isTerminalPhase(record.status?.phase)) return false;
    record.isRerunAsked = true;
    this.#queue.wake(uid);
    return true;
  }

  /** What a pod is made of beside its manifest has changed: its volumes follow, and what waits for it may start. */
  #objectsChanged(keys: ReadonlySet<string>): void {
    for (const { pod, identity } of this.#records.values()) {
      if (pod !== undefined && dependsOn(pod, keys)) this.wake(identity.uid);
    }
  }

  #storeChanged(uids: ReadonlySet<string>): void {
    if (this.#firstRuns !== undefined) for (const uid of uids) this.#desiredChanged(uid);
    else if (!this.#maybeStart()) this.#takeAllDesired();
  }

  /** Before the start nothing runs: what is wanted is all that there is. */
  #takeAllDesired(): void {
    this.#records.clear();
    for (const { pod } of this.#options.store.pods()) this.#recordOf(pod);
  }

  /** @returns true when it started now */
  #maybeStart(): boolean {
    const { store } = this.#options;
    if (this.#firstRuns !== undefined || this.#listed === undefined || !store.synced()) return false;
    this.#takeAllDesired();
    for (const summary of this.#listed) if (isOrphan(summary.pod, store)) this.#adopt(summary);
    for (const { pod, fingerprint } of this.#listed) this.#fingerprints.set(pod.uid, fingerprint);
    this.#firstRuns = new Set(this.#records.keys());
    for (const uid of this.#records.keys()) this.#queue.wake(uid);
    this.#noteFirstRun(undefined);
    return true;
  }

  #takeList(pods: readonly RuntimePodSummary[]): void {
    if (this.#firstRuns === undefined) return;
    for (const summary of pods) {
      const { uid } = summary.pod;
      const known = this.#records.has(uid);
      if (!known && !isOrphan(summary.pod, this.#options.store)) continue;
      if (!known) this.#adopt(summary);
      if (!known || this.#fingerprints.get(uid) !== summary.fingerprint) this.#queue.wake(uid);
    }
    this.#wakeVanished(new Set(pods.map(({ pod }) => pod.uid)));
    this.#fingerprints.clear();
    for (const { pod, fingerprint } of pods) this.#fingerprints.set(pod.uid, fingerprint);
  }

  #wakeVanished(listed: ReadonlySet<string>): void {
    for (const uid of this.#fingerprints.keys()) if (!listed.has(uid)) this.wake(uid);
  }

  /** A pod that the runtime has: one that nobody wants is ended. */
  #adopt({ pod }: RuntimePodSummary): void {
    if (this.#records.has(pod.uid)) return;
    this.#records.set(pod.uid, createPodRecord(pod, undefined));
    this.#options.deps.log.info({ pod: pod.name, namespace: pod.namespace }, 'pod has no manifest, removing it');
  }

  #desiredChanged(uid: string): void {
    const desired = this.#options.store.pod(uid)?.pod;
    const record = desired === undefined ? this.#records.get(uid) : this.#recordOf(desired);
    if (record === undefined) return;
    if (record.hasEnded && desired === undefined) return this.#forget(record);
    const step = takeDesired({ pod: record.desired, terminating: record.terminating }, desired);
    record.desired = step.pod;
    record.pod = step.pod === undefined ? undefined : withAllocation(step.pod, record.allocation);
    record.terminating = step.terminating;
    if (step.interrupt) this.#queue.interrupt(uid, new Error('the pod is not wanted any more'));
    if (step.wake) this.#queue.wake(uid);
  }

  /** The API server has let go of a pod that had ended. */
  #forget({ identity: { uid } }: PodRecord): void {
    this.#records.delete(uid);
    this.#queue.forget(uid);
  }

  #recordOf(pod: Pod): PodRecord {
    let record = this.#records.get(pod.metadata.uid);
    if (record === undefined) {
      const { name, namespace, uid } = pod.metadata;
      record = createPodRecord({ name, namespace, uid }, pod);
      this.#records.set(uid, record);
    }
    return record;
  }

  async #run(uid: string, signal: AbortSignal): Promise<{ again?: { afterMs: number } }> {
    const record = this.#records.get(uid);
    if (record === undefined || record.hasEnded || this.#mustWait(record)) return {};
    const operation = record.status === undefined ? 'create' : 'sync';
    const { allocation } = record;
    const wasOver = isTerminalPhase(record.status?.phase);
    const begin = performance.now();
    try {
      if (!record.isRestored && !this.#fingerprints.has(uid)) await this.#recallTaken();
      const result = await this.#worker.run(record, signal);
      if (result.ended === true) this.#ended(uid);
      const isOver = isTerminalPhase(record.status?.phase);
      if (result.ended === true || isOver !== wasOver || record.allocation !== allocation) this.#wakePending(uid);
      return result.again === undefined ? {} : { again: result.again };
    } catch {
      return {}; // Interrupted: who interrupted it wakes it, or the daemon stops.
    } finally {
      this.#noteFirstRun(uid);
      this.#options.onRun?.(operation, (performance.now() - begin) / 1_000);
    }
  }

  /** What an earlier daemon has taken; a pod that is new here is judged beside it. */
  async #recallTaken(): Promise<void> {
    const taken = [...this.#records.values()].filter(({ identity }) => this.#fingerprints.has(identity.uid));
    await recallAll(this.#options.deps, taken);
  }

  /** A pod has become smaller or is over: there may be room for what others wait for. */
  #wakePending(by: string): void {
    for (const { pendingResize, identity } of this.#records.values())
      if (pendingResize !== undefined && identity.uid !== by) this.#queue.wake(identity.uid);
  }

  #mustWait(record: PodRecord): boolean {
    if (record.terminating) return false;
    return [...this.#records.values()].some(
      (other) => other.terminating && !other.hasEnded && hasNameOf(other.identity, record.identity),
    );
  }

  /** Forgets the pod, starts it again when its manifest came back meanwhile, and lets the one in line begin. */
  #ended(uid: string): void {
    const record = this.#records.get(uid);
    this.#records.delete(uid);
    this.#fingerprints.delete(uid);
    const desired = this.#options.store.pod(uid)?.pod;
    if (record?.pod !== undefined) this.#options.onPodEnded?.(record.pod);
    if (desired === undefined) this.#queue.forget(uid);
    else if (record !== undefined && isDeleted(desired)) this.#keepEnded(record);
    else this.wake(this.#recordOf(desired).identity.uid);
    for (const other of this.#records.values()) {
      const isNext = record !== undefined && hasNameOf(other.identity, record.identity);
      // A failed pod may have waited for an address or a host port that is free now.
      if (!isNext && other.lastError === undefined) continue;
      this.#options.deps.sandboxBackoff.reset(other.identity.uid);
      this.#queue.wake(other.identity.uid);
    }
    this.#options.onEnded();
  }

  /** The object of a pod that was deleted through an API server stays there until the server lets go of it. */
  #keepEnded(record: PodRecord): void {
    record.hasEnded = true;
    this.#records.set(record.identity.uid, record);
  }

  #noteFirstRun(uid: string | undefined): void {
    if (uid !== undefined) this.#firstRuns?.delete(uid);
    if (this.#firstReconcileDone || this.#firstRuns?.size !== 0) return;
    this.#firstReconcileDone = true;
    this.#options.onFirstReconcile();
  }
}

/** The pods of this node: one worker a pod, woken by its sources and by the runtime. */
export function createPodManager(options: PodManagerOptions): PodManager {
  return new Manager(options);
}
