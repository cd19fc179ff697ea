import type { ProxyClock } from './clock.ts';
import type { FlowReconciler } from './conntrack/index.ts';
import type { ProxyHealth } from './health/index.ts';
import type { ProxyLog } from './log.ts';
import type { ProxyMetrics } from './metrics/index.ts';
import type { ProxyMode } from './mode.ts';
import { createSyncRunner, type RunReason } from './runner.ts';
import type { Family, ProxyBackend, ProxyPlan } from './types.ts';

/** Keeps the kernel at the plan of one address family. */
export interface FamilySync {
  /** @param triggers when the changes were made, milliseconds since the epoch, as far as known */
  update(plan: ProxyPlan, triggers: readonly number[]): void;
  requestFull(): void;
  /** The kernel is at the latest plan. */
  isSettled(): boolean;
  loop(signal: AbortSignal): Promise<void>;
}

/** How often, in milliseconds. */
export interface SyncPeriods {
  /** At most one sync in this time. */
  readonly minSyncPeriodMs: number;
  /** How often the kernel is asked whether the rules are still there. */
  readonly syncPeriodMs: number;
}

export interface FamilySyncOptions extends SyncPeriods {
  readonly family: Family;
  readonly mode: ProxyMode;
  readonly backend: ProxyBackend;
  /** Backends of other modes: what they may have left is removed once the rules of this one are in place. */
  readonly former: ReadonlyMap<ProxyMode, ProxyBackend>;
  readonly plan: ProxyPlan;
  readonly flows: FlowReconciler;
  readonly health: Pick<ProxyHealth, 'queued' | 'started' | 'updated'>;
  readonly metrics: Pick<ProxyMetrics, 'queued' | 'synced' | 'failed' | 'cleanupFailed' | 'flowsReconciled'>;
  readonly clock: ProxyClock;
  readonly log: ProxyLog;
  /** Before rules are written for the first time that there is a Service, and with the periodic look. */
  readonly prepare: (plan: ProxyPlan, signal: AbortSignal) => Promise<void>;
  /** After the kernel was brought to a plan. */
  readonly onSynced: () => void;
}

/** All rules are written anew this often, for what the look of {@link ProxyBackend.isIntact} does not see; as kube-proxy does. */
const FULL_SYNC_PERIOD_MS = 3_600_000;

export function createFamilySync(options: FamilySyncOptions): FamilySync {
  const { family, mode, backend, clock, log, health, metrics } = options;
  let plan = options.plan;
  let triggers: readonly number[] = [];
  let synced: ProxyPlan | undefined;
  let checkedAt = clock.now();
  let fullAt = clock.now();
  let isPrepared = false;
  let isFormerGone = false;

  const queue = (): void => {
    health.queued(family);
    metrics.queued(family, clock.now());
  };

  /** Whether all has to be written: because it is asked for or time, or somebody has removed rules. */
  const needsFull = async (reason: RunReason, signal: AbortSignal): Promise<boolean> => {
    const now = clock.now();
    if (reason === 'full' || synced === undefined || elapsed(fullAt, now) >= FULL_SYNC_PERIOD_MS) return true;
    // Changes that never end must not keep the look from being had.
    if (reason !== 'periodic' && elapsed(checkedAt, now) < options.syncPeriodMs) return false;
    const isIntact = await backend.isIntact(signal);
    checkedAt = now;
    if (!isIntact) log.warn({ family, mode }, 'rules of Services were removed by another program: writing all again');
    return !isIntact;
  };

  const write = async (wanted: ProxyPlan, full: boolean, signal: AbortSignal): Promise<void> => {
    const since = triggers;
    const startedAt = clock.now();
    try {
      const report = await backend.sync(wanted, full, signal);
      const now = clock.now();
      if (report.full) fullAt = checkedAt = now;
      synced = wanted;
      triggers = triggers.slice(since.length);
      metrics.synced(family, { plan: wanted, report, seconds: elapsed(startedAt, now) / 1_000, now }, since);
    } catch (error) {
      if (!signal.aborted) metrics.failed(family, mode, !full);
      throw error;
    }
  };

  const reconcileFlows = async (wanted: ProxyPlan, signal: AbortSignal): Promise<void> => {
    const startedAt = clock.now();
    const deleted = await options.flows.reconcile(wanted, signal);
    if (deleted === undefined) return;
    metrics.flowsReconciled(family, elapsed(startedAt, clock.now()) / 1_000, deleted);
    if (deleted > 0) log.info({ family, deleted }, 'stale flows were deleted');
  };

  const removeFormer = async (modes: readonly ProxyMode[], signal: AbortSignal): Promise<void> => {
    for (const former of modes) {
      const other = options.former.get(former);
      if (other === undefined) continue;
      try {
        await other.cleanup(signal);
      } catch (err) {
        signal.throwIfAborted();
        metrics.cleanupFailed(family, former);
        log.warn({ err, family, mode: former }, 'rules of another proxy mode cannot be removed');
      }
    }
  };

  const run = async (reason: RunReason, signal: AbortSignal): Promise<void> => {
    const wanted = plan;
    health.started(family);
    if (wanted.services.length > 0 && (!isPrepared || reason === 'periodic')) {
      await options.prepare(wanted, signal);
      isPrepared = true;
    }
    // Modes that share names of chains must be gone before this one writes, the others when it has: then nothing is interrupted.
    const isShared = (other: ProxyMode): boolean => mode !== 'nftables' && other !== 'nftables';
    const former = isFormerGone ? [] : [...options.former.keys()];
    if (synced === undefined) await removeFormer(former.filter(isShared), signal);
    const full = await needsFull(reason, signal);
    if (full || wanted !== synced) await write(wanted, full, signal);
    health.updated(family);
    options.onSynced();
    await reconcileFlows(wanted, signal);
    if (!isFormerGone) {
      await removeFormer(
        former.filter((other) => !isShared(other)),
        signal,
      );
      isFormerGone = true;
    }
    if (reason === 'periodic') await backend.tend?.(signal);
  };

  const runner = createSyncRunner({
    clock,
    minIntervalMs: options.minSyncPeriodMs,
    maxIntervalMs: options.syncPeriodMs,
    run,
    onFailure: (err, retryMs) => log.error({ err, family, mode, retryMs }, 'cannot write the rules of Services'),
  });

  return {
    update: (next, more) => {
      if (next === plan) return;
      plan = next;
      triggers = [...triggers, ...more];
      queue();
      runner.request('change');
    },
    requestFull: () => {
      queue();
      runner.request('full');
    },
    isSettled: () => synced === plan,
    loop: (signal) => {
      queue();
      runner.request('full');
      return runner.loop(signal);
    },
  };
}

/** Not below zero: somebody may have set the clock. */
function elapsed(from: number, to: number): number {
  return Math.max(to - from, 0);
}
