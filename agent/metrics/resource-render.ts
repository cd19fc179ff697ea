import { type Family, type Labels, renderFamilies, type Sample } from '../../cni/index.ts';
import type { CgroupSample, ContainerObservation, Observation, PodObservation } from './types.ts';

/*
 * `/metrics/resource`: the stable metrics that metrics-server reads (KEP-727; kubelet:
 * pkg/kubelet/metrics/collectors/resource_metrics.go). Each value has the time when it was measured; the start of a
 * container has none.
 */

interface Measured {
  readonly labels: Labels;
  readonly cgroup: CgroupSample;
}

/** @param observation undefined when it failed: then only that is told */
export function renderResourceMetrics(observation: Observation | undefined): string {
  const error = [{ labels: {}, value: observation === undefined ? 1 : 0 }];
  const errorHelp = '1 if there was an error while getting container metrics, 0 otherwise';
  const usage = observation === undefined ? [] : usageFamilies(observation);
  return renderFamilies([
    ...usage,
    { name: 'resource_scrape_error', type: 'gauge', help: stable(errorHelp), samples: error },
    // Read by what was written for kubelets before 1.29.
    { name: 'scrape_error', type: 'gauge', help: `[ALPHA] ${errorHelp}`, samples: error },
  ]);
}

function usageFamilies({ node, pods }: Observation): readonly Family[] {
  const ofNode = [{ labels: {}, cgroup: node.cgroup }];
  const ofPods = pods.map((pod) => ({ labels: podLabels(pod), cgroup: pod.cgroup }));
  const ofContainers = pods.flatMap((pod) =>
    pod.containers.map((container) => ({ labels: containerLabels(pod, container), cgroup: container.cgroup })),
  );
  return [
    cpuFamily('container', ofContainers),
    memoryFamily('container', ofContainers),
    {
      name: 'container_start_time_seconds',
      type: 'gauge',
      help: stable('Start time of the container since unix epoch in seconds'),
      samples: pods.flatMap((pod) => pod.containers.map((container) => startSample(pod, container))),
    },
    cpuFamily('node', ofNode),
    memoryFamily('node', ofNode),
    cpuFamily('pod', ofPods),
    memoryFamily('pod', ofPods),
  ];
}

function cpuFamily(what: 'container' | 'node' | 'pod', measured: readonly Measured[]): Family {
  return {
    name: `${what}_cpu_usage_seconds_total`,
    type: 'counter',
    help: stable(`Cumulative cpu time consumed by the ${what} in core-seconds`),
    samples: measured.flatMap(({ labels, cgroup: { time, cpuNanos } }): readonly Sample[] =>
      cpuNanos === undefined ? [] : [{ labels, value: cpuNanos / 1e9, time }],
    ),
  };
}

function memoryFamily(what: 'container' | 'node' | 'pod', measured: readonly Measured[]): Family {
  return {
    name: `${what}_memory_working_set_bytes`,
    type: 'gauge',
    help: stable(`Current working set of the ${what} in bytes`),
    samples: measured.flatMap(({ labels, cgroup: { time, memory } }): readonly Sample[] =>
      memory === undefined ? [] : [{ labels, value: memory.workingSet, time }],
    ),
  };
}

function startSample(pod: PodObservation, container: ContainerObservation): Sample {
  return { labels: containerLabels(pod, container), value: container.startedAt / 1_000 };
}

function podLabels({ pod }: PodObservation): Labels {
  return { namespace: pod.metadata.namespace, pod: pod.metadata.name };
}

function containerLabels(pod: PodObservation, { listed }: ContainerObservation): Labels {
  return { container: listed.name, ...podLabels(pod) };
}

function stable(help: string): string {
  return `[STABLE] ${help}`;
}
