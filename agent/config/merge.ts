import { dirname, resolve } from 'node:path';
import { defaultCpuQuota } from '../cgroups/cpu.ts';
import type { ConfigFile } from './file.ts';
import type { KubeletConfiguration } from './kubelet-schema.ts';
import { parseNodeLabels } from './node-labels.ts';
import type { Config, Flags } from './types.ts';

/** What the configuration takes from the process. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  /** Working directory: paths in flags are relative to it, paths in the file to the file's directory. */
  readonly cwd: string;
}

const second = 1000;
const mib = 1024 * 1024;
/** Default of the kubelet's `-v` in the units that distributions ship. */
const defaultVerbosity = 2;
export const defaultRootDir = '/var/lib/kubelet';
export const maxRestartPeriodMs = 300 * second;

/**
 * Fills in what neither flags nor file say. As in Go, an empty or zero value in the file is one that was not given.
 *
 * @param kubelet the file's document with the fields of flags on top
 */
export function mergeConfig(
  flags: Flags,
  file: ConfigFile,
  kubelet: Partial<KubeletConfiguration>,
  { env, hostname, cwd }: Surroundings,
): Omit<Config, 'imageCredentialProviders'> {
  const { cni, network, ...own } = file.podwright;
  const path = pathReader(flags.config, cwd);
  return {
    nodeName: (flags.hostnameOverride ?? hostname).trim().toLowerCase(),
    nodeLabels: parseNodeLabels(flags.nodeLabels ?? '').labels,
    kubeconfig: flags.kubeconfig ? path(flags.kubeconfig, undefined, '') : undefined,
    nodeIps: (flags.nodeIp ?? '').split(',').flatMap((ip) => ip.trim() || []),
    rootDir: path(flags.rootDir, undefined, defaultRootDir),
    manifestDir: path(
      flags.podManifestPath ?? flags.manifests,
      file.kubelet.staticPodPath,
      '/etc/kubernetes/manifests',
    ),
    dockerHost: flags.dockerHost ?? (own.dockerHost || env['DOCKER_HOST'] || 'unix:///var/run/docker.sock'),
    socketPath: path(flags.socket, own.socketPath, '/run/podwright/podwright.sock'),
    podSandboxImage: flags.podInfraContainerImage || 'registry.k8s.io/pause:3.10',
    podLogsDir: path(undefined, kubelet.podLogsDir, '/var/log/pods'),
    containerLogsDir: path(undefined, own.containerLogsDir, '/var/log/containers'),
    cni: {
      confDir: path(flags.cniConfDir, cni?.confDir, '/etc/cni/net.d'),
      binDirs: flags.cniBinDir?.split(',').map((dir) => resolve(cwd, dir)) ?? cni?.binDirs ?? ['/opt/cni/bin'],
      cacheDir: path(flags.cniCacheDir, cni?.cacheDir, '/var/lib/cni'),
      dataDir: path(undefined, cni?.dataDir, '/var/lib/cni/networks'),
    },
    routeBackend: network?.backend ?? 'auto',
    maxParallelStarts: own.maxParallelStarts ?? undefined,
    services: {
      clusterIps: (own.serviceClusterIPRange || '10.96.0.0/12').split(',').map((cidr) => cidr.trim()),
      nodePorts: portRange(own.serviceNodePortRange || '30000-32767'),
    },
    log: logOptions(flags, kubelet),
    ...kubeletFields(kubelet),
    kubelet,
    kubeProxy: file.kubeProxy,
    proxyMode: (flags.proxyMode || file.kubeProxy?.mode || 'auto') as Config['proxyMode'],
  };
}

type KubeletField =
  | 'fileCheckFrequencyMs'
  | 'syncFrequencyMs'
  | 'podCidrs'
  | 'cgroupDriver'
  | 'cgroupRoot'
  | 'cgroupsPerQOS'
  | 'cpuQuota'
  | 'containerLogMaxSizeBytes'
  | 'containerLogMaxFiles'
  | 'maxParallelPulls'
  | 'registryPullQPS'
  | 'registryBurst'
  | 'imageGc'
  | 'maxPods'
  | 'podPidsLimit'
  | 'clusterDNS'
  | 'clusterDomain'
  | 'resolvConf'
  | 'runtimeRequestTimeoutMs'
  | 'maxContainerRestartPeriodMs';

/** Defaults of `pkg/kubelet/apis/config/v1beta1/defaults.go`, where podwright has no reason for another. */
function kubeletFields(kubelet: Partial<KubeletConfiguration>): Pick<Config, KubeletField> {
  const { podPidsLimit = -1 } = kubelet;
  return {
    fileCheckFrequencyMs: kubelet.fileCheckFrequency || 20 * second,
    syncFrequencyMs: kubelet.syncFrequency || 60 * second,
    podCidrs: (kubelet.podCIDR || '10.244.0.0/24').split(',').map((cidr) => cidr.trim()),
    cgroupDriver: kubelet.cgroupDriver || undefined,
    cgroupRoot: kubelet.cgroupRoot ?? '',
    cgroupsPerQOS: kubelet.cgroupsPerQOS ?? true,
    cpuQuota: {
      enforce: kubelet.cpuCFSQuota ?? defaultCpuQuota.enforce,
      periodMicros: Math.round((kubelet.cpuCFSQuotaPeriod ?? 0) * 1000) || defaultCpuQuota.periodMicros,
    },
    containerLogMaxSizeBytes: kubelet.containerLogMaxSize || 10 * mib,
    containerLogMaxFiles: kubelet.containerLogMaxFiles || 5,
    // Unlike the kubelet, images are pulled beside each other unless it is asked not to be.
    maxParallelPulls: kubelet.serializeImagePulls === true ? 1 : (kubelet.maxParallelImagePulls ?? undefined),
    registryPullQPS: kubelet.registryPullQPS ?? 5,
    registryBurst: kubelet.registryBurst || 10,
    imageGc: {
      highThresholdPercent: kubelet.imageGCHighThresholdPercent ?? 85,
      lowThresholdPercent: kubelet.imageGCLowThresholdPercent ?? 80,
      minAgeMs: kubelet.imageMinimumGCAge || 120 * second,
      maxAgeMs: kubelet.imageMaximumGCAge ?? 0,
    },
    maxPods: kubelet.maxPods || 110,
    podPidsLimit: podPidsLimit === null || podPidsLimit < 0 ? undefined : podPidsLimit,
    clusterDNS: kubelet.clusterDNS ?? [],
    clusterDomain: kubelet.clusterDomain ?? '',
    resolvConf: kubelet.resolvConf ?? '/etc/resolv.conf',
    runtimeRequestTimeoutMs: kubelet.runtimeRequestTimeout || 120 * second,
    maxContainerRestartPeriodMs: kubelet.crashLoopBackOff?.maxContainerRestartPeriod ?? maxRestartPeriodMs,
  };
}

type PathReader = (flag: string | undefined, field: string | null | undefined, otherwise: string) => string;

function pathReader(configFile: string | undefined, cwd: string): PathReader {
  const fileDir = configFile === undefined ? cwd : dirname(resolve(cwd, configFile));
  return (flag, field, otherwise) => {
    if (flag !== undefined && flag !== '') return resolve(cwd, flag);
    return field === undefined || field === null || field === '' ? otherwise : resolve(fileDir, field);
  };
}

/** The flags are checked by `validateConfig`: here a wrong one counts as not given. */
function logOptions({ loggingFormat, v }: Flags, { logging }: Partial<KubeletConfiguration>): Config['log'] {
  const isFormat = loggingFormat === 'json' || loggingFormat === 'text';
  return {
    format: isFormat ? loggingFormat : logging?.format || undefined,
    verbosity: v === undefined ? (logging?.verbosity ?? defaultVerbosity) : Number(v),
  };
}

/** `first-last`, both inclusive. */
function portRange(text: string): Config['services']['nodePorts'] {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text.trim()) ?? [];
  return { first: Number(first), last: Number(last) };
}
