import { createRegistry, type Registry } from '../../cni/index.ts';
import { type Round, uncounted } from '../round.ts';

/** Where a loop is told of when it is not `podwright_loop_*`. */
interface Names {
  readonly seconds?: string;
  readonly failures?: string;
}

/**
 * The loops of the daemon, with the kubelet's names where it has some (pkg/kubelet/metrics/metrics.go,
 * pkg/kubelet/certificate). Workers of pods, probes and the proxy are told of by names of their own alone: see
 * `kubelet-metrics.ts`, `probe-metrics.ts` and `proxy/metrics`.
 */
export const loops = {
  /** Reads the configuration anew. */
  configuration: {},
  /** Looks at the files of the manifest directory. */
  manifests: {},
  /** The stream of the runtime's events, from its opening to its end. */
  'runtime-events': {},
  /** Lists the runtime. */
  relist: { seconds: 'kubelet_pleg_relist_duration_seconds' },
  /** Makes the rules and routes of the pod network true, and frees what pods that are gone held. */
  network: {},
  /** Looks whether a route to another node is missing. */
  routes: {},
  /** Looks at the addresses of the host. */
  addresses: {},
  'qos-cgroups': {},
  'image-gc': {},
  eviction: {},
  /** Measures pods that have a limit of local storage. */
  'local-storage': {},
  /** Gives Services addresses and endpoints on a node that stands alone. */
  services: {},
  /** Lists and watches of the API server. */
  'api-watch': {},
  'node-status': {},
  lease: {},
  'pod-status': {},
  'mirror-pods': {},
  events: {},
  /** Tokens of service accounts. */
  tokens: {},
  'client-certificate': { failures: 'kubelet_certificate_manager_client_expiration_renew_errors' },
  'server-certificate': { failures: 'kubelet_server_expiration_renew_errors' },
  /** Writes down what a daemon that starts again is to know. */
  'state-files': {},
  /** Waits for a shutdown of the host. */
  shutdown: {},
  /** Messages to the service manager. */
  supervision: {},
} as const satisfies Readonly<Record<string, Names>>;

export type LoopName = keyof typeof loops;

export interface LoopMetrics {
  round(loop: LoopName): Round;
  render(): string;
}

/** From a look at a file to a watch of ten minutes. */
const buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600];

/** @param now milliseconds on a clock that nobody sets */
export function createLoopMetrics(now: () => number = () => performance.now()): LoopMetrics {
  const registry = createRegistry();
  const count = roundCounter(registry, now);
  const rounds = new Map<string, Round>(
    Object.entries<Names>(loops).map(([loop, names]) => [loop, count(loop, names)]),
  );
  return { round: (loop) => rounds.get(loop) ?? uncounted, render: () => registry.render() };
}

function roundCounter(registry: Registry, now: () => number): (loop: string, names: Names) => Round {
  const seconds = registry.histogram('podwright_loop_duration_seconds', 'Time of a round of a loop', buckets);
  const failures = registry.counter('podwright_loop_failures_total', 'Rounds of a loop that failed');
  return (loop, names) => {
    const timed = names.seconds === undefined ? seconds : registry.histogram(names.seconds, `Time of ${loop}`, buckets);
    const failed = names.failures === undefined ? failures : registry.counter(names.failures, `Failures of ${loop}`);
    const timedLabels = timed === seconds ? { loop } : {};
    const failedLabels = failed === failures ? { loop } : {};
    failed.add(failedLabels, 0);
    return async (work) => {
      const begin = now();
      try {
        return await work();
      } catch (error) {
        failed.add(failedLabels);
        throw error;
      } finally {
        timed.observe(timedLabels, (now() - begin) / 1_000);
      }
    };
  };
}
