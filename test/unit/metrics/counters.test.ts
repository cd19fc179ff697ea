import { describe, expect, test } from 'vitest';
import { countRuntime } from '../../../agent/metrics/count-runtime.ts';
import { createKubeletMetrics } from '../../../agent/metrics/kubelet-metrics.ts';
import { createProbeMetrics, type ProbeRun } from '../../../agent/metrics/probe-metrics.ts';
import type { ContainerRuntime } from '../../../agent/runtime/types.ts';

const signal = new AbortController().signal;

function values(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket'));
}

describe('metrics of the daemon', () => {
  test('under the names and labels of the kubelet', () => {
    const metrics = createKubeletMetrics();
    metrics.podSynced('create', 0.25);
    metrics.podStarted({ sinceSeen: 1.5, sli: undefined });
    metrics.podStarted({ sinceSeen: 2, sli: 0.5 });
    metrics.statusWritten(0.125);
    metrics.imageCollected('age');
    metrics.containerStarted('app', undefined);
    metrics.containerStarted('init', 'RunContainerError');
    metrics.hookFellBack();
    metrics.evicted('memory.available');
    metrics.requested({ code: '200', method: 'GET', host: '192.0.2.1:6443', seconds: 0.5 });
    metrics.requested({ code: '200', method: 'GET', host: '192.0.2.1:6443', seconds: 1.5 });
    expect(values(metrics.render())).toEqual([
      'kubelet_evictions{eviction_signal="memory.available"} 1',
      'kubelet_image_garbage_collected_total{reason="age"} 1',
      'kubelet_lifecycle_handler_http_fallbacks_total 1',
      'kubelet_pod_worker_duration_seconds_sum{operation_type="create"} 0.25',
      'kubelet_pod_worker_duration_seconds_count{operation_type="create"} 1',
      'kubelet_pod_start_duration_seconds_sum 3.5',
      'kubelet_pod_start_duration_seconds_count 2',
      'kubelet_pod_start_sli_duration_seconds_sum 0.5',
      'kubelet_pod_start_sli_duration_seconds_count 1',
      'kubelet_pod_status_sync_duration_seconds_sum 0.125',
      'kubelet_pod_status_sync_duration_seconds_count 1',
      'kubelet_started_containers_total{container_type="container"} 1',
      'kubelet_started_containers_total{container_type="init_container"} 1',
      'kubelet_started_containers_errors_total{code="RunContainerError",container_type="init_container"} 1',
      'rest_client_requests_total{code="200",host="192.0.2.1:6443",method="GET"} 2',
      'rest_client_request_duration_seconds_sum{host="192.0.2.1:6443",verb="GET"} 2',
      'rest_client_request_duration_seconds_count{host="192.0.2.1:6443",verb="GET"} 2',
    ]);
  });

  test('calls of the runtime, which go on as before', async () => {
    const metrics = createKubeletMetrics();
    const told: unknown[] = [];
    const runtime: Pick<ContainerRuntime, 'startContainer' | 'stopContainer'> = {
      startContainer: (...args) => {
        told.push(args);
        return Promise.resolve();
      },
      stopContainer: () => Promise.reject(new Error('gone')),
    };
    let clock = 0;
    const stub = new Proxy(runtime, {
      get: (target, name): unknown => Reflect.get(target, name) ?? ((): void => undefined),
    });
    const counted = countRuntime(stub as ContainerRuntime, metrics, () => (clock += 500));
    await counted.startContainer('c1', signal);
    await expect(counted.stopContainer('c1', 3, signal)).rejects.toThrow('gone');
    expect(told).toEqual([['c1', signal]]);
    expect(values(metrics.render())).toEqual([
      'kubelet_runtime_operations_total{operation_type="start_container"} 1',
      'kubelet_runtime_operations_total{operation_type="stop_container"} 1',
      'kubelet_runtime_operations_errors_total{operation_type="stop_container"} 1',
      'kubelet_runtime_operations_duration_seconds_sum{operation_type="start_container"} 0.5',
      'kubelet_runtime_operations_duration_seconds_count{operation_type="start_container"} 1',
      'kubelet_runtime_operations_duration_seconds_sum{operation_type="stop_container"} 0.5',
      'kubelet_runtime_operations_duration_seconds_count{operation_type="stop_container"} 1',
    ]);
  });
});

describe('metrics of probes', () => {
  const run = (uid: string, over: Partial<ProbeRun> = {}): ProbeRun => ({
    ...{ pod: { name: `web-${uid}`, namespace: 'shop', uid }, container: 'main', kind: 'liveness' },
    ...{ result: 'success', seconds: 0.5, ...over },
  });

  test('by kind and result, until the pod is gone', () => {
    const metrics = createProbeMetrics();
    for (const probed of [run('1'), run('1'), run('1', { kind: 'startup', result: 'unknown' }), run('2')]) {
      metrics.probed(probed);
    }
    metrics.probed(run('1', { result: 'failure' }));
    const totals = (): readonly string[] =>
      values(metrics.render()).filter((line) => line.startsWith('prober_probe_total'));
    const of = (uid: string, type: string, result: string, count: number): string =>
      `prober_probe_total{container="main",namespace="shop",pod="web-${uid}",probe_type="${type}",pod_uid="${uid}",result="${result}"} ${count}`;
    expect(totals()).toEqual([
      of('1', 'Liveness', 'successful', 2),
      of('1', 'Startup', 'unknown', 1),
      of('2', 'Liveness', 'successful', 1),
      of('1', 'Liveness', 'failed', 1),
    ]);
    metrics.remove('1');
    metrics.remove('1');
    expect(values(metrics.render())).toEqual([
      of('2', 'Liveness', 'successful', 1),
      'prober_probe_duration_seconds_sum{container="main",namespace="shop",pod="web-2",probe_type="Liveness"} 0.5',
      'prober_probe_duration_seconds_count{container="main",namespace="shop",pod="web-2",probe_type="Liveness"} 1',
    ]);
  });
});
