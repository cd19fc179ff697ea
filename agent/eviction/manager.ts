import { type Clock, onward } from '../clock.ts';
import type { Pod } from '../objects/types.ts';
import type { PodFailure } from '../pods/status.ts';
import { uncounted } from '../round.ts';
import type { NodeStats } from '../stats/index.ts';
import { changesOf, type NodeCondition, nodeConditions, nodeReference } from './conditions.ts';
import type { EvictionDeps } from './deps.ts';
import { evictPod, graceSecondsFor, waitForEnd } from './evict-pod.ts';
import { enforceLocalStorage } from './local-storage.ts';
import { detailedUsage, measurePods } from './measure.ts';
import { evictionMessage } from './message-render.ts';
import { judgePressure, noPressure, type Pressure, thresholdsMet } from './pressure.ts';
import { rankPods } from './rank.ts';
import { pressureRefusal } from './refusal.ts';
import { type Observations, observationsOf, signals } from './signals.ts';
import { isSpared } from './spared.ts';
import type { Threshold } from './thresholds.ts';

/*
 * INVARIANTS
 * - One look at a time, and at most one pod is evicted for pressure a look; the next look waits for its end.
 * - A pod is only evicted after what the node itself can give back was given back, and did not suffice.
 * - A pod that is spared is never evicted and never refused.
 */

/** The kubelet's `evictionMonitoringPeriod`. */
const periodMs = 10_000;
/** After what could be reclaimed did not suffice, there is nothing more to reclaim for a while. */
const reclaimPauseMs = 60_000;

export interface EvictionManager {
  /** Watches the node until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** MemoryPressure, DiskPressure and PIDPressure as the last look found them. */
  conditions(): readonly NodeCondition[];
  /** Why a pod that is new to this node is not taken while there is pressure; undefined when it is. */
  admissionProblem(pod: Pod): PodFailure | undefined;
}

/** Keeps the node out of want of memory, disk and process IDs (kubelet: pkg/kubelet/eviction/eviction_manager.go). */
export function createEvictionManager(deps: EvictionDeps): EvictionManager {
  return new Manager(deps);
}

class Manager implements EvictionManager {
  readonly #deps: EvictionDeps;
  /** Of times that are shown. What is due after a while goes by a clock that nobody sets back. */
  readonly #wall: Clock;
  #pressure: Pressure = { history: noPressure, conditions: [], actOn: [] };
  #conditions: readonly NodeCondition[];
  #imageFsIsOwn = false;
  #reclaimPausedUntil = 0;
  #isStuck = false;

  constructor(deps: EvictionDeps) {
    this.#deps = { ...deps, clock: onward(deps.clock) };
    this.#wall = deps.clock;
    this.#conditions = nodeConditions([], [], deps.clock.now());
  }

  conditions(): readonly NodeCondition[] {
    return this.#conditions;
  }

  admissionProblem(pod: Pod): PodFailure | undefined {
    return pressureRefusal(pod, this.#pressure.conditions);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#watch(signal),
      ...(this.#deps.settings.localStorageIsolation
        ? [enforceLocalStorage(this.#deps, () => this.#imageFsIsOwn, signal)]
        : []),
    ]);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const round = this.#deps.rounds?.node ?? uncounted;
    for (;;) {
      const evicted = await round(() => this.#look(signal)).catch((error: unknown) => {
        signal.throwIfAborted();
        this.#deps.log.warn({ err: error }, 'cannot look for pressure on the node, will retry');
        return false;
      });
      if (!evicted) await this.#deps.clock.sleep(periodMs, signal);
    }
  }

  /** @returns whether a pod was evicted, and so another look is due at once */
  async #look(signal: AbortSignal): Promise<boolean> {
    const observations = await this.#observe(signal);
    const { clock, settings } = this.#deps;
    this.#pressure = judgePressure({
      thresholds: settings.thresholds,
      observations,
      history: this.#pressure.history,
      now: clock.now(),
      transitionMs: settings.pressureTransitionMs,
    });
    this.#announce();
    const [threshold] = this.#pressure.actOn;
    if (threshold !== undefined) return this.#relieve(threshold, observations, signal);
    this.#isStuck = false;
    return false;
  }

  async #observe(signal: AbortSignal): Promise<Observations> {
    const stats = await this.#deps.nodeStats(signal);
    this.#imageFsIsOwn = hasOwnImageFs(stats);
    return observationsOf(stats);
  }

  /** Tells of conditions that have come or gone (`recordNodeStatusEvent`, pkg/kubelet/kubelet_node_status.go). */
  #announce(): void {
    const { events, nodeName } = this.#deps;
    const current = nodeConditions(this.#pressure.conditions, this.#conditions, this.#wall.now());
    for (const reason of changesOf(this.#conditions, current)) {
      events.event(nodeReference(nodeName), 'Normal', reason, `Node ${nodeName} status is now: ${reason}`);
    }
    this.#conditions = current;
  }

  async #relieve(threshold: Threshold, observations: Observations, signal: AbortSignal): Promise<boolean> {
    const { events, nodeName } = this.#deps;
    const { resource } = signals[threshold.signal];
    events.event(nodeReference(nodeName), 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (await this.#reclaim(threshold, signal)) return false;
    const evicted = await this.#evictOne(threshold, observations, signal);
    if (!evicted && !this.#isStuck) {
      this.#deps.log.warn({ signal: threshold.signal }, 'the node is short of a resource, and no pod can be evicted');
    }
    this.#isStuck = !evicted;
    return evicted;
  }

  /**
   * Gives back what the node itself holds (`reclaimNodeLevelResources`); only disk can be had so, and on a node with a file
   * system for images only theirs.
   *
   * @returns whether no threshold is met any more
   */
  async #reclaim({ signal: starved }: Threshold, signal: AbortSignal): Promise<boolean> {
    const { clock, log, reclaimContainers, reclaimImages, settings } = this.#deps;
    const isDisk = signals[starved].condition === 'DiskPressure';
    if (!isDisk || (this.#imageFsIsOwn && starved.startsWith('nodefs.'))) return false;
    if (clock.now() < this.#reclaimPausedUntil) return false;
    for (const reclaim of [reclaimContainers, reclaimImages]) {
      await reclaim(signal).catch((error: unknown) => {
        signal.throwIfAborted();
        log.warn({ err: error }, 'cannot reclaim disk space');
      });
    }
    const isRelieved = thresholdsMet(settings.thresholds, await this.#observe(signal), true).length === 0;
    this.#reclaimPausedUntil = isRelieved ? 0 : clock.now() + reclaimPauseMs;
    return isRelieved;
  }

  async #evictOne(threshold: Threshold, observations: Observations, signal: AbortSignal): Promise<boolean> {
    const deps = this.#deps;
    const pods = deps.activePods().filter((pod) => !isSpared(pod));
    if (pods.length === 0) return false;
    const usages = await measurePods(deps, pods, threshold.signal, signal);
    const [victim] = rankPods(pods, threshold.signal, usages, this.#imageFsIsOwn);
    if (victim === undefined) return false;
    const usage = await detailedUsage(deps, victim, signals[threshold.signal].resource, usages);
    const message = evictionMessage(victim, threshold, observations, usage);
    const graceSeconds = graceSecondsFor(victim, threshold.graceMs === 0, deps.settings.maxPodGraceSeconds);
    if (!evictPod(deps, victim, { message, graceSeconds, isForNode: true })) return false;
    deps.onEvicted?.(threshold.signal);
    this.#reclaimPausedUntil = 0; // Its containers are dead ones then.
    await waitForEnd(deps, victim.metadata.uid, graceSeconds, signal);
    return true;
  }
}

function hasOwnImageFs({ nodeFs, imageFs }: NodeStats): boolean {
  return nodeFs !== undefined && imageFs !== undefined && nodeFs.device !== imageFs.device;
}
