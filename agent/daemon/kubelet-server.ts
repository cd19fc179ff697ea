import { readFile } from 'node:fs/promises';
import { cgroupVersion } from '../cgroups/files.ts';
import type { CgroupVersion } from '../cgroups/files-render.ts';
import { systemClock } from '../clock.ts';
import {
  createNodeMetrics,
  dockerContainers,
  dockerLayerSizes,
  type NodeMetrics,
  parseProcessCgroup,
} from '../metrics/index.ts';
import type { Pod } from '../objects/types.ts';
import type { PodManager } from '../pods/manager-types.ts';
import { createKubeletServer, createPodDialer, serverSettings } from '../server/kubelet/index.ts';
import { serveCommand, servePortForward } from '../server/streaming/index.ts';
import { claimPlaces } from '../volumes/claim-places.ts';
import { createCgroupReader, createPodStats, dockerWritableLayers } from '../stats/index.ts';
import type { Cluster } from './cluster.ts';
import { renderConfigz } from './configz-render.ts';
import { cgroupMountPoint, dataRoot } from './eviction.ts';
import { type Foundation, nodeIps } from './foundation.ts';
import type { Workers } from './workers.ts';

/**
 * Serves the kubelet API until `signal` is aborted: `kubectl logs`, `exec`, `attach`, `port-forward`, `top`, and `/healthz`.
 *
 * @param cluster undefined for a node that stands alone
 */
export async function kubeletServer(
  base: Foundation,
  workers: Workers,
  cluster: Pick<Cluster, 'client' | 'clientCertificateEnd'> | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { config, runtime, link, log } = base;
  const dialer = createPodDialer(runtime);
  const server = createKubeletServer({
    ...{ api: cluster?.client, runtime, log, dialer },
    settings: serverSettings(config),
    nodeName: config.nodeName,
    hosts: () => [config.nodeName, ...nodeIps(base)],
    pods: () => podsWithStatus(workers.manager),
    metrics: await nodeMetrics(base, workers, cluster),
    streaming: { serveCommand, servePortForward },
    syncLoopProblem: () => {
      const { reachable, error = '' } = link.status();
      return reachable ? undefined : `container runtime is down: ${error}`;
    },
    configz: () => renderConfigz(config),
    now: () => systemClock.now(),
  });
  try {
    await server.run(signal, (what, port) => log.info({ what, port }, 'the kubelet API is served'));
  } finally {
    dialer.stop();
  }
}

function podsWithStatus(manager: Pick<PodManager, 'pods'>): readonly Pod[] {
  return manager.pods().map(({ pod, status }) => (status === undefined ? pod : { ...pod, status }));
}

const procRoot = '/proc';

async function nodeMetrics(
  base: Foundation,
  { manager, places, services }: Workers,
  cluster: Pick<Cluster, 'clientCertificateEnd'> | undefined,
): Promise<NodeMetrics> {
  const { config, client, counters, log } = base;
  const version = await cgroupVersion(cgroupMountPoint);
  const { cgroupSettings, podDir } = places;
  return createNodeMetrics({
    ...{ nodeName: config.nodeName, procRoot, rootDir: config.rootDir, cgroupSettings, log },
    ...{ cgroupRoot: cgroupMountPoint, cgroupVersion: version },
    kubelet: { render: () => counters.kubelet.render() + counters.loops.render() },
    probes: counters.probes,
    clientCertificateEnd: () => cluster?.clientCertificateEnd(),
    pods: () => manager.pods(),
    claimPlaces: (pod) => claimPlaces(pod, podDir(pod.metadata.uid), services.objects),
    containers: dockerContainers(client),
    layers: dockerLayerSizes(client),
    imageDir: dataRoot(client),
    imageBytes: async (signal) => (await client.listImages(signal)).reduce((sum, { Size }) => sum + Size, 0),
    podStats: createPodStats({
      ...{ cgroupSettings, podDir, podLogsDir: config.podLogsDir, layers: dockerWritableLayers(client) },
      cgroups: createCgroupReader(cgroupMountPoint, version),
    }),
    systemCgroups: {
      kubelet: await cgroupOf('self', version),
      runtime: await dockerCgroup(config.dockerHost, version),
    },
    now: () => systemClock.now(),
  });
}

const dockerDefaults = { socket: /^unix:\/\/(?:\/var)?\/run\/docker\.sock$/, pidFile: '/run/docker.pid' } as const;

/** Of a dockerd at its own place; where another one is, nothing tells which process it is. */
async function dockerCgroup(dockerHost: string, version: CgroupVersion): Promise<string | undefined> {
  if (!dockerDefaults.socket.test(dockerHost)) return undefined;
  const pid = (await readFile(dockerDefaults.pidFile, 'utf8').catch(() => '')).trim();
  return /^\d+$/.test(pid) ? cgroupOf(pid, version) : undefined;
}

async function cgroupOf(pid: string, version: CgroupVersion): Promise<string | undefined> {
  const text = await readFile(`${procRoot}/${pid}/cgroup`, 'utf8').catch(() => '');
  return parseProcessCgroup(text, version);
}
