import { createRegistry, type Histogram, type Registry } from '../../cni/index.ts';
import type { ContainerKind } from '../pods/plan-types.ts';

/** What happens in the daemon, counted under the kubelet's names (pkg/kubelet/metrics/metrics.go). */
export interface KubeletMetrics {
  /** A call of the runtime has ended. @param operation the CRI's name, `create_container` */
  runtimeCalled(operation: string, seconds: number, failed: boolean): void;
  /** A pod's worker has run. */
  podSynced(operation: 'create' | 'update' | 'sync', seconds: number): void;
  /** All containers of a pod have started. */
  podStarted(times: PodStartTimes): void;
  /** The API server has a status of a pod. @param seconds since the status was another one */
  statusWritten(seconds: number): void;
  /** An image was removed. */
  imageCollected(reason: 'age' | 'space'): void;
  /** A sandbox was started, or could not be. */
  sandboxStarted(failed: boolean): void;
  /** A pod was evicted. @param signal the kubelet's name, `memory.available` */
  evicted(signal: string): void;
  /** A container was to be started. @param failure the reason that its status has, `RunContainerError` */
  containerStarted(kind: ContainerKind, failure: string | undefined): void;
  /** A hook over HTTPS went on over HTTP. */
  hookFellBack(): void;
  /** A request to the API server has been answered. @param code `<error>` for one that was not */
  requested(request: AnsweredRequest): void;
  render(): string;
}

export interface AnsweredRequest {
  readonly code: string;
  readonly method: string;
  readonly host: string;
  readonly seconds: number;
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
/** As client-go's (component-base/metrics/prometheus/restclient). */
const requestBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const statusBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 45, 60];
const podStartBuckets = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];

const containerTypes = { init: 'init_container', app: 'container', ephemeral: 'ephemeral_container' } as const;

export function createKubeletMetrics(): KubeletMetrics {
  const registry = createRegistry();
  const evictions = registry.counter('kubelet_evictions', 'Pods evicted by signal');
  const images = registry.counter('kubelet_image_garbage_collected_total', 'Images removed by reason');
  const fallbacks = registry.counter(
    'kubelet_lifecycle_handler_http_fallbacks_total',
    'Hooks over HTTPS that went on over HTTP',
  );
  return {
    ...runtimeMetrics(registry),
    ...podMetrics(registry),
    ...startMetrics(registry),
    ...apiMetrics(registry),
    evicted: (signal) => evictions.add({ eviction_signal: signal }),
    imageCollected: (reason) => images.add({ reason }),
    hookFellBack: () => fallbacks.add({}),
    render: () => registry.render(),
  };
}

function runtimeMetrics(registry: Registry): Pick<KubeletMetrics, 'runtimeCalled'> {
  const name = 'kubelet_runtime_operations';
  const total = registry.counter(`${name}_total`, 'Calls of the runtime by operation');
  const errors = registry.counter(`${name}_errors_total`, 'Calls of the runtime that failed');
  const time = registry.histogram(`${name}_duration_seconds`, 'Time of calls of the runtime', runtimeBuckets);
  return {
    runtimeCalled: (operation, seconds, failed) => {
      const labels = { operation_type: operation };
      total.add(labels);
      if (failed) errors.add(labels);
      time.observe(labels, seconds);
    },
  };
}

function podMetrics(registry: Registry): Pick<KubeletMetrics, 'podSynced' | 'podStarted' | 'statusWritten'> {
  const timed = (name: string, help: string, buckets: readonly number[]): Histogram =>
    registry.histogram(`kubelet_pod_${name}_duration_seconds`, help, buckets);
  const worker = timed('worker', 'Time to sync a pod', defaultBuckets);
  const seen = timed('start', 'Time from seeing a pod to its start', podStartBuckets);
  const sliHelp = 'Time from the creation of a pod to its start without pulls and init containers';
  const sli = timed('start_sli', sliHelp, podStartBuckets);
  const statusHelp = "Time from a change of a pod's status to the API server that has it";
  const status = timed('status_sync', statusHelp, statusBuckets);
  return {
    podSynced: (operation, seconds) => worker.observe({ operation_type: operation }, seconds),
    podStarted: (times) => {
      seen.observe({}, times.sinceSeen);
      if (times.sli !== undefined) sli.observe({}, times.sli);
    },
    statusWritten: (seconds) => status.observe({}, seconds),
  };
}

function startMetrics(registry: Registry): Pick<KubeletMetrics, 'sandboxStarted' | 'containerStarted'> {
  const [pods, containers] = (['pods', 'containers'] as const).map((what) => ({
    total: registry.counter(`kubelet_started_${what}_total`, `Starts of ${what} that were tried`),
    errors: registry.counter(`kubelet_started_${what}_errors_total`, `Starts of ${what} that failed`),
  }));
  return {
    sandboxStarted: (failed) => {
      pods?.total.add({});
      if (failed) pods?.errors.add({});
    },
    containerStarted: (kind, failure) => {
      const labels = { container_type: containerTypes[kind] };
      containers?.total.add(labels);
      if (failure !== undefined) containers?.errors.add({ code: failure, ...labels });
    },
  };
}

function apiMetrics(registry: Registry): Pick<KubeletMetrics, 'requested'> {
  const total = registry.counter('rest_client_requests_total', 'Requests to the API server');
  const help = 'Time until the API server answers a request';
  const time = registry.histogram('rest_client_request_duration_seconds', help, requestBuckets);
  return {
    requested: ({ code, method, host, seconds }) => {
      total.add({ code, host, method });
      time.observe({ host, verb: method }, seconds);
    },
  };
}
