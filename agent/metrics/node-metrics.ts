import { type CgroupVersion } from '../cgroups/files-render.ts';
import { fileSystemStats } from '../stats/index.ts';
import { renderCadvisorMetrics } from './cadvisor-render.ts';
import { createCgroupSampler } from './cgroup-sampler.ts';
import { createDisks, type DiskDeps, observeClaims } from './disks.ts';
import { renderDaemonMetrics } from './daemon-render.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';
import { observe, type ObserverDeps } from './observe.ts';
import type { ProbeMetrics } from './probe-metrics.ts';
import { renderResourceMetrics } from './resource-render.ts';
import { renderSummary } from './summary-render.ts';
import type { Summary } from './summary-types.ts';

export type MetricsKind = 'metrics' | 'cadvisor' | 'resource' | 'probes';

/** Bodies of the kubelet's statistics, measured when somebody asks; nothing runs in between. */
export interface NodeMetrics {
  /**
   * `/stats/summary`.
   *
   * @param onlyCpuAndMemory leaves out what has to be walked through or asked for
   */
  summary(onlyCpuAndMemory: boolean, signal: AbortSignal): Promise<Summary>;
  /** `/metrics` and the like, in Prometheus' text format 0.0.4. */
  render(kind: MetricsKind, signal: AbortSignal): Promise<string>;
}

export interface NodeMetricsDeps extends Omit<ObserverDeps, 'cgroups'>, DiskDeps {
  readonly nodeName: string;
  /** Where cgroups are mounted: `/sys/fs/cgroup`. */
  readonly cgroupRoot: string;
  readonly cgroupVersion: CgroupVersion;
  readonly pods: ObserverDeps['pods'];
  readonly kubelet: Pick<KubeletMetrics, 'render'>;
  readonly probes: Pick<ProbeMetrics, 'render'>;
  /** End of the client certificate, milliseconds since the epoch; undefined without one. */
  readonly clientCertificateEnd?: () => number | undefined;
  readonly log: { warn(fields: object, message: string): void };
}

export function createNodeMetrics(deps: NodeMetricsDeps): NodeMetrics {
  const { nodeName, cgroupRoot, cgroupVersion, now, kubelet, probes, log } = deps;
  const cgroups = createCgroupSampler({ root: cgroupRoot, version: cgroupVersion, now });
  const disks = createDisks(deps);
  const observer = { ...deps, cgroups };
  const renderers: Readonly<Record<MetricsKind, (signal: AbortSignal) => Promise<string>>> = {
    metrics: async (signal) =>
      renderDaemonMetrics({
        ...{ nodeName, procRoot: deps.procRoot, kubelet, now: now() },
        listed: await deps.containers(signal),
        claims: await observeClaims(deps),
        clientCertificateEnd: deps.clientCertificateEnd?.(),
      }),
    cadvisor: async (signal) => {
      const observation = await observe(observer, { sandboxes: true, details: true }, signal);
      const nodeFs = await fileSystemStats(deps.rootDir);
      return renderCadvisorMetrics(observation, new Map(nodeFs === undefined ? [] : [[deps.rootDir, nodeFs]]));
    },
    resource: async (signal) => {
      try {
        return renderResourceMetrics(await observe(observer, { sandboxes: false, details: false }, signal));
      } catch (error) {
        signal.throwIfAborted();
        log.warn({ err: error }, 'resource metrics cannot be measured');
        return renderResourceMetrics(undefined);
      }
    },
    probes: async () => Promise.resolve(probes.render()),
  };
  return {
    summary: async (onlyCpuAndMemory, signal) => {
      const observation = await observe(observer, { sandboxes: !onlyCpuAndMemory, details: false }, signal);
      return renderSummary(nodeName, observation, onlyCpuAndMemory ? undefined : await disks.observe(signal));
    },
    render: (kind, signal) => renderers[kind](signal),
  };
}
