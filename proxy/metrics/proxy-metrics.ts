import { createRegistry, type Labels, type Registry } from '../../cni/index.ts';
import type { ProxyMode } from '../mode.ts';
import type { Family, ProxyPlan, SyncReport } from '../types.ts';

/** What happens to the proxy, counted under kube-proxy's names (pkg/proxy/metrics/metrics.go of 1.33, with `ip_family`). */
export interface ProxyMetrics {
  /** Changes of objects came in. */
  changed(services: number, slices: number): void;
  queued(family: Family, now: number): void;
  /** @param triggers when the changes were made, milliseconds since the epoch */
  synced(family: Family, sync: FinishedSync, triggers: readonly number[]): void;
  failed(family: Family, mode: ProxyMode, wasPartial: boolean): void;
  cleanupFailed(family: Family, mode: ProxyMode): void;
  flowsReconciled(family: Family, seconds: number, deleted: number): void;
  healthAnswered(path: '/healthz' | '/livez', code: number): void;
  /** All changes so far are in the kernel, in all families. */
  settled(): void;
  render(): string;
}

export interface FinishedSync {
  readonly plan: ProxyPlan;
  readonly report: SyncReport;
  readonly seconds: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const SYNC_BUCKETS = Array.from({ length: 15 }, (_, power) => 0.001 * 2 ** power);

/** Quarters of the first second, then seconds, then coarser, up to five minutes. */
const PROGRAMMING_BUCKETS = [
  0.25,
  0.5,
  ...Array.from({ length: 59 }, (_, index) => index + 1),
  ...Array.from({ length: 12 }, (_, index) => 60 + 5 * index),
  ...Array.from({ length: 7 }, (_, index) => 120 + 30 * index),
];

export function createProxyMetrics(registry: Registry = createRegistry()): ProxyMetrics {
  const sync = createSyncMetrics(registry);
  const changes = createChangeMetrics(registry);
  const failures = createFailureMetrics(registry);
  const programming = registry.histogram(
    'kubeproxy_network_programming_duration_seconds',
    'Time from a change of endpoints to the rules for it',
    PROGRAMMING_BUCKETS,
  );
  const flowSeconds = registry.histogram(
    'kubeproxy_conntrack_reconciler_sync_duration_seconds',
    'Time to reconcile conntrack flows',
    SYNC_BUCKETS,
  );
  const flowsDeleted = registry.counter(
    'kubeproxy_conntrack_reconciler_deleted_entries_total',
    'Conntrack flows deleted',
  );
  const healthz = registry.counter('kubeproxy_proxy_healthz_total', 'Answers of /healthz by status code');
  const livez = registry.counter('kubeproxy_proxy_livez_total', 'Answers of /livez by status code');

  return {
    ...changes,
    ...failures,
    queued: (family, now) => sync.queued(family, now),
    synced: (family, finished, triggers) => {
      sync.synced(family, finished);
      for (const trigger of triggers)
        programming.observe(ofFamily(family), Math.max(finished.now - trigger, 0) / 1_000);
    },
    flowsReconciled: (family, seconds, deleted) => {
      flowSeconds.observe(ofFamily(family), seconds);
      flowsDeleted.add(ofFamily(family), deleted);
    },
    healthAnswered: (path, code) => (path === '/healthz' ? healthz : livez).add({ code: String(code) }),
    render: () => registry.render(),
  };
}

function createSyncMetrics(registry: Registry): {
  queued(family: Family, now: number): void;
  synced(family: Family, sync: FinishedSync): void;
} {
  const timed = (kind: string, help: string) =>
    registry.histogram(`kubeproxy_sync_${kind}proxy_rules_duration_seconds`, help, SYNC_BUCKETS);
  const all = timed('', 'Time of a sync of the rules');
  const full = timed('full_', 'Time of a sync that writes all rules');
  const partial = timed('partial_', 'Time of a sync that writes what changed');
  const lastQueued = registry.gauge(
    'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
    'When a sync was last asked for',
  );
  const last = registry.gauge('kubeproxy_sync_proxy_rules_last_timestamp_seconds', 'When a sync last succeeded');
  const rulesTotal = registry.gauge(
    'kubeproxy_sync_proxy_rules_iptables_total',
    'Iptables rules in the kernel, by table',
  );
  const rulesLast = registry.gauge(
    'kubeproxy_sync_proxy_rules_iptables_last',
    'Iptables rules of the last sync, by table',
  );
  const noLocal = registry.gauge(
    'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
    'Services with a policy Local that have endpoints, but none on this node',
  );
  return {
    queued: (family, now) => lastQueued.set(ofFamily(family), now / 1_000),
    synced: (family, { plan, report, seconds, now }) => {
      const labels = ofFamily(family);
      for (const histogram of [all, report.full ? full : partial]) histogram.observe(labels, seconds);
      last.set(labels, now / 1_000);
      for (const [table, { total, written }] of Object.entries(report.iptablesRules ?? {})) {
        rulesTotal.set({ ...labels, table }, total);
        rulesLast.set({ ...labels, table }, written);
      }
      for (const [policy, count] of Object.entries(countWithoutLocal(plan))) {
        noLocal.set({ ...labels, traffic_policy: policy }, count);
      }
    },
  };
}

function createChangeMetrics(registry: Registry): Pick<ProxyMetrics, 'changed' | 'settled'> {
  const [services, slices] = (['service', 'endpoint'] as const).map((kind) => {
    const name = `kubeproxy_sync_proxy_rules_${kind}_changes`;
    const total = registry.counter(`${name}_total`, `Changes of ${kind}s`);
    const pending = registry.gauge(`${name}_pending`, `Changes of ${kind}s that the rules do not know yet`);
    let waiting = 0;
    const change = (count: number): void => {
      total.add({}, count);
      pending.set({}, (waiting += count));
    };
    change(0);
    return { change, settle: () => pending.set({}, (waiting = 0)) };
  });
  return {
    changed: (serviceCount, sliceCount) => {
      services?.change(serviceCount);
      slices?.change(sliceCount);
    },
    settled: () => {
      services?.settle();
      slices?.settle();
    },
  };
}

function createFailureMetrics(registry: Registry): Pick<ProxyMetrics, 'failed' | 'cleanupFailed'> {
  const of = (what: string, help: string) =>
    registry.counter(`kubeproxy_sync_proxy_rules_${what}_failures_total`, help);
  const restore = of('iptables_restore', 'Syncs by iptables that failed');
  const partial = of('iptables_partial_restore', 'Syncs by iptables of what changed that failed');
  const nft = of('nftables_sync', 'Syncs by nftables that failed');
  const nftCleanup = of('nftables_cleanup', 'Removals of nftables rules that failed');
  return {
    failed: (family, mode, wasPartial) => {
      const labels = ofFamily(family);
      if (mode === 'nftables') return nft.add(labels);
      if (mode !== 'iptables') return;
      restore.add(labels);
      if (wasPartial) partial.add(labels);
    },
    cleanupFailed: (family, mode) => {
      if (mode === 'nftables') nftCleanup.add(ofFamily(family));
    },
  };
}

function countWithoutLocal({ services }: ProxyPlan): { readonly internal: number; readonly external: number } {
  const without = services.filter(
    ({ hasAnyEndpoints, localEndpoints }) => hasAnyEndpoints && localEndpoints.length === 0,
  );
  return {
    internal: without.filter(({ internalPolicyLocal }) => internalPolicyLocal).length,
    external: without.filter(({ externalPolicyLocal }) => externalPolicyLocal).length,
  };
}

function ofFamily(family: Family): Labels {
  return { ip_family: `IPv${family}` };
}
