import type { Config } from '../config/index.ts';

/** Fields of a KubeletConfiguration that are durations, wherever they are in it; its names are unique. */
const durations = new Set([
  ...[
    'fileCheckFrequency',
    'syncFrequency',
    'runtimeRequestTimeout',
    'maxContainerRestartPeriod',
    'httpCheckFrequency',
  ],
  ...['cacheTTL', 'cacheAuthorizedTTL', 'cacheUnauthorizedTTL', 'streamingConnectionIdleTimeout'],
  ...['nodeStatusUpdateFrequency', 'nodeStatusReportFrequency', 'imageMinimumGCAge', 'imageMaximumGCAge'],
  ...['volumeStatsAggPeriod', 'cpuManagerReconcilePeriod', 'cpuCFSQuotaPeriod', 'evictionPressureTransitionPeriod'],
  ...['containerLogMonitorInterval', 'shutdownGracePeriod', 'shutdownGracePeriodCriticalPods'],
]);

/** May hold what opens a manifest's server. */
const secret = 'staticPodURLHeader';

/**
 * The KubeletConfiguration in effect, for `/configz`: what was given, and the defaults that this node has in its place, with
 * durations as Go writes them.
 */
export function renderConfigz(config: Config): object {
  const { kubelet } = config;
  const inEffect = {
    staticPodPath: config.manifestDir,
    syncFrequency: config.syncFrequencyMs,
    fileCheckFrequency: config.fileCheckFrequencyMs,
    address: '0.0.0.0',
    port: 10_250,
    healthzPort: 10_248,
    healthzBindAddress: '127.0.0.1',
    registryPullQPS: config.registryPullQPS,
    registryBurst: config.registryBurst,
    clusterDomain: config.clusterDomain,
    clusterDNS: config.clusterDNS,
    cgroupRoot: config.cgroupRoot,
    cgroupsPerQOS: config.cgroupsPerQOS,
    ...(config.cgroupDriver === undefined ? {} : { cgroupDriver: config.cgroupDriver }),
    runtimeRequestTimeout: config.runtimeRequestTimeoutMs,
    maxPods: config.maxPods,
    resolvConf: config.resolvConf,
    containerLogMaxSize: String(config.containerLogMaxSizeBytes),
    containerLogMaxFiles: config.containerLogMaxFiles,
    podLogsDir: config.podLogsDir,
    enableServer: true,
    enableDebuggingHandlers: true,
  };
  const given = Object.fromEntries(Object.entries(kubelet).filter(([, value]) => value !== null));
  return renderDurations({ ...inEffect, ...given, ...(secret in given ? { [secret]: '<masked>' } : {}) }) as object;
}

function renderDurations(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]: [string, unknown]) => [
      name,
      durations.has(name) && typeof field === 'number' ? goDuration(field) : renderDurations(field),
    ]),
  );
}

/** As Go's `time.Duration` prints itself: `1h0m0s`, `1m30s`, `20s`, `100ms`. */
function goDuration(ms: number): string {
  const [sign, size] = ms < 0 ? ['-', -ms] : ['', ms];
  if (size > 0 && size < 1_000) return `${sign}${size}ms`;
  const seconds = size / 1_000;
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const hours = h > 0 ? `${h}h` : '';
  const minutes = h > 0 || m > 0 ? `${m}m` : '';
  return `${sign}${hours}${minutes}${Number(s.toFixed(9))}s`;
}
