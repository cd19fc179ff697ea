import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createProxyMetrics } from '../../../../proxy/metrics/proxy-metrics.ts';
import { createRegistry } from '../../../../cni/index.ts';
import type { ProxyPlan, ServicePortPlan } from '../../../../proxy/types.ts';
import { endpoint, SETTINGS, WEB } from '../services/helpers.ts';

describe('the text format', () => {
  test('of counters, gauges and histograms', () => {
    const registry = createRegistry();
    const counter = registry.counter('answers_total', 'Answers\nby code');
    counter.add({ code: '200' });
    counter.add({ code: '200' }, 2);
    counter.add({ code: 'a"b\\c\nd' });
    registry.gauge('last_seconds', 'Last').set({}, 1.5);
    const histogram = registry.histogram('took_seconds', 'Took', [0.5, 1]);
    for (const value of [0.25, 0.5, 0.75, 4]) histogram.observe({ of: 'x' }, value);
    expect(registry.render().split('\n')).toEqual([
      '# HELP answers_total Answers\\nby code',
      '# TYPE answers_total counter',
      'answers_total{code="200"} 3',
      'answers_total{code="a\\"b\\\\c\\nd"} 1',
      '# HELP last_seconds Last',
      '# TYPE last_seconds gauge',
      'last_seconds 1.5',
      '# HELP took_seconds Took',
      '# TYPE took_seconds histogram',
      'took_seconds_bucket{of="x",le="0.5"} 2',
      'took_seconds_bucket{of="x",le="1"} 3',
      'took_seconds_bucket{of="x",le="+Inf"} 4',
      'took_seconds_sum{of="x"} 5.5',
      'took_seconds_count{of="x"} 4',
      '',
    ]);
  });

  test('a name is taken once', () => {
    const registry = createRegistry();
    registry.gauge('a', '');
    expect(() => registry.counter('a', '')).toThrow('metric a exists already');
  });

  test('buckets never go down, and the last one holds all', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true })), (values) => {
        const registry = createRegistry();
        const histogram = registry.histogram('h', '', [-1, 0, 1, 1e9]);
        for (const value of values) histogram.observe({}, value);
        const counts = [...registry.render().matchAll(/^h_bucket.* (\d+)$/gm)].map(([, count]) => Number(count));
        expect(counts).toEqual([...counts].sort((a, b) => a - b));
        expect(counts.at(-1) ?? 0).toBe(values.length);
      }),
    );
  });
});

describe('metrics of the proxy', () => {
  const SERVICE: ServicePortPlan = { ...WEB, hasAnyEndpoints: true, clusterEndpoints: [endpoint('198.51.100.1')] };
  const plan: ProxyPlan = {
    settings: SETTINGS[4],
    services: [
      { ...SERVICE, internalPolicyLocal: true },
      { ...SERVICE, externalPolicyLocal: true },
      { ...SERVICE, externalPolicyLocal: true, hasAnyEndpoints: false },
      SERVICE,
    ],
  };
  const now = 1_000_000;

  /** All lines but help, type and buckets. */
  const lines = (text: string): readonly string[] =>
    text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket'));

  test('tell of changes, syncs, flows and answers under their names', () => {
    const metrics = createProxyMetrics();
    metrics.changed(2, 3);
    metrics.queued(4, now);
    const report = { full: true, written: 9, iptablesRules: { nat: { total: 12, written: 7 } } };
    metrics.synced(4, { plan, report, seconds: 0.5, now }, [now - 2_500, now + 9]);
    metrics.synced(4, { plan, report: { full: false, written: 1 }, seconds: 0.25, now }, []);
    metrics.failed(4, 'iptables', true);
    metrics.failed(6, 'nftables', false);
    metrics.cleanupFailed(4, 'nftables');
    metrics.flowsReconciled(4, 0.125, 7);
    metrics.healthAnswered('/healthz', 503);
    metrics.healthAnswered('/livez', 200);
    expect([...lines(metrics.render())].sort()).toEqual(
      [
        'conntrack_reconciler_deleted_entries_total{ip_family="IPv4"} 7',
        'conntrack_reconciler_sync_duration_seconds_count{ip_family="IPv4"} 1',
        'conntrack_reconciler_sync_duration_seconds_sum{ip_family="IPv4"} 0.125',
        'network_programming_duration_seconds_count{ip_family="IPv4"} 2',
        'network_programming_duration_seconds_sum{ip_family="IPv4"} 2.5',
        'proxy_healthz_total{code="503"} 1',
        'proxy_livez_total{code="200"} 1',
        'sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
        'sync_full_proxy_rules_duration_seconds_sum{ip_family="IPv4"} 0.5',
        'sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
        'sync_partial_proxy_rules_duration_seconds_sum{ip_family="IPv4"} 0.25',
        'sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} 2',
        'sync_proxy_rules_duration_seconds_sum{ip_family="IPv4"} 0.75',
        'sync_proxy_rules_endpoint_changes_pending 3',
        'sync_proxy_rules_endpoint_changes_total 3',
        'sync_proxy_rules_iptables_last{ip_family="IPv4",table="nat"} 7',
        'sync_proxy_rules_iptables_partial_restore_failures_total{ip_family="IPv4"} 1',
        'sync_proxy_rules_iptables_restore_failures_total{ip_family="IPv4"} 1',
        'sync_proxy_rules_iptables_total{ip_family="IPv4",table="nat"} 12',
        'sync_proxy_rules_last_queued_timestamp_seconds{ip_family="IPv4"} 1000',
        'sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} 1000',
        'sync_proxy_rules_nftables_cleanup_failures_total{ip_family="IPv4"} 1',
        'sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv6"} 1',
        'sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="external"} 1',
        'sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="internal"} 1',
        'sync_proxy_rules_service_changes_pending 2',
        'sync_proxy_rules_service_changes_total 2',
      ].map((line) => `kubeproxy_${line}`),
    );
  });

  test('nothing is pending when all is settled', () => {
    const metrics = createProxyMetrics();
    metrics.changed(2, 3);
    metrics.settled();
    expect(lines(metrics.render()).filter((line) => line.includes('_pending'))).toEqual([
      'kubeproxy_sync_proxy_rules_service_changes_pending 0',
      'kubeproxy_sync_proxy_rules_endpoint_changes_pending 0',
    ]);
  });
});
