import { createRegistry, type Labels } from '../../cni/index.ts';
import type { PodIdentity } from '../runtime/types.ts';

/** One run of a probe. */
export interface ProbeRun {
  readonly pod: PodIdentity;
  readonly container: string;
  readonly kind: 'startup' | 'liveness' | 'readiness';
  /** `unknown`: the probe itself could not be run. */
  readonly result: 'success' | 'failure' | 'unknown';
  readonly seconds: number;
}

/** `/metrics/probes` (kubelet: pkg/kubelet/prober/prober_manager.go). */
export interface ProbeMetrics {
  probed(run: ProbeRun): void;
  /** A pod is gone. */
  remove(uid: string): void;
  render(): string;
}

const results = { success: 'successful', failure: 'failed', unknown: 'unknown' } as const;
const types = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const;
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createProbeMetrics(): ProbeMetrics {
  const registry = createRegistry();
  const total = registry.counter('prober_probe_total', 'Runs of probes by result');
  const duration = registry.histogram('prober_probe_duration_seconds', 'Time of a run of a probe', buckets);
  // The second one has no label for the UID: pods with one name share a series.
  const series = new Map<string, Labels>();
  return {
    probed: ({ pod, container, kind, result, seconds }) => {
      const labels = { container, namespace: pod.namespace, pod: pod.name, probe_type: types[kind] };
      series.set(pod.uid, { namespace: pod.namespace, pod: pod.name });
      total.add({ ...labels, pod_uid: pod.uid, result: results[result] });
      duration.observe(labels, seconds);
    },
    remove: (uid) => {
      const gone = series.get(uid);
      if (gone === undefined) return;
      series.delete(uid);
      total.remove(({ pod_uid }) => pod_uid === uid);
      duration.remove(({ namespace, pod }) => namespace === gone['namespace'] && pod === gone['pod']);
    },
    render: () => registry.render(),
  };
}
