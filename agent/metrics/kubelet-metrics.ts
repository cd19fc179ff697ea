import { createRegistry } from '../../cni/index.ts';

/** What happens in the daemon, counted under the kubelet's names (pkg/kubelet/metrics/metrics.go). */
export interface KubeletMetrics {
  /** A call of the runtime has ended. @param operation the CRI's name, `create_container` */
  runtimeCalled(operation: string, seconds: number, failed: boolean): void;
  /** A pod's worker has run. */
  podSynced(operation: 'create' | 'update' | 'sync', seconds: number): void;
  /** All containers of a pod have started. */
  podStarted(times: PodStartTimes): void;
  /** The runtime was listed. */
  relisted(seconds: number): void;
  /** A pod was evicted. @param signal the kubelet's name, `memory.available` */
  evicted(signal: string): void;
  /** A request to the API server has been answered. @param code `<error>` for one that was not */
  requested(request: { readonly code: string; readonly method: string; readonly host: string }): void;
  render(): string;
}

export interface PodStartTimes {
  /** Since the daemon saw the pod, seconds. */
  readonly sinceSeen: number;
  /** Since the pod was created, without pulls and init containers, seconds; undefined when it is not known. */
  readonly sli: number | undefined;
}

/** The Prometheus client's own. */
const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const runtimeBuckets = Array.from({ length: 14 }, (_, power) => 0.005 * 2.5 ** power);
const podStartBuckets = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];

export function createKubeletMetrics(): KubeletMetrics {
  const registry = createRegistry();
  const runtime = {
    total: registry.counter('kubelet_runtime_operations_total', 'Calls of the runtime by operation'),
    errors: registry.counter('kubelet_runtime_operations_errors_total', 'Calls of the runtime that failed'),
    seconds: registry.histogram(
      'kubelet_runtime_operations_duration_seconds',
      'Time of calls of the runtime',
      runtimeBuckets,
    ),
  };
  const worker = registry.histogram('kubelet_pod_worker_duration_seconds', 'Time to sync a pod', defaultBuckets);
  const seen = registry.histogram(
    'kubelet_pod_start_duration_seconds',
    'Time from seeing a pod to its start',
    podStartBuckets,
  );
  const sli = registry.histogram(
    'kubelet_pod_start_sli_duration_seconds',
    'Time from the creation of a pod to its start without pulls and init containers',
    podStartBuckets,
  );
  const relist = registry.histogram('kubelet_pleg_relist_duration_seconds', 'Time to list the runtime', defaultBuckets);
  const evictions = registry.counter('kubelet_evictions', 'Pods evicted by signal');
  const requests = registry.counter('rest_client_requests_total', 'Requests to the API server');
  return {
    runtimeCalled: (operation, seconds, failed) => {
      const labels = { operation_type: operation };
      runtime.total.add(labels);
      if (failed) runtime.errors.add(labels);
      runtime.seconds.observe(labels, seconds);
    },
    podSynced: (operation, seconds) => worker.observe({ operation_type: operation }, seconds),
    podStarted: (times) => {
      seen.observe({}, times.sinceSeen);
      if (times.sli !== undefined) sli.observe({}, times.sli);
    },
    relisted: (seconds) => relist.observe({}, seconds),
    evicted: (signal) => evictions.add({ eviction_signal: signal }),
    requested: ({ code, method, host }) => requests.add({ code, host, method }),
    render: () => registry.render(),
  };
}
