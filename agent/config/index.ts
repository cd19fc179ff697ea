import { parseCidr } from '../../cni/index.ts';
import { parseDuration } from './duration.ts';
import { ConfigError, type ConfigProblem } from './error.ts';
import { type ConfigFile, parseConfigFile } from './file.ts';
import type { Config, Flags } from './types.ts';

export { ConfigError, type ConfigProblem } from './error.ts';
export type { Config, Flags } from './types.ts';

export interface ConfigDeps {
  readonly readFile: (path: string) => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly string[];
}

const second = 1000;
const maxRestartPeriodMs = 300 * second;

/**
 * The configuration: flags before the file, the file before defaults, as in the kubelet.
 *
 * @throws ConfigError with all that is wrong
 */
export async function loadConfig(flags: Flags, deps: ConfigDeps): Promise<LoadedConfig> {
  const file = await readConfigFile(flags.config, deps.readFile);
  const problems: ConfigProblem[] = [];
  const config = merge(flags, file, deps, (origin, message) => problems.push({ origin, message }));
  problems.push(...validate(config, flags));
  if (problems.length > 0) throw new ConfigError(problems);
  return { config, warnings: [] };
}

async function readConfigFile(path: string | undefined, readFile: ConfigDeps['readFile']): Promise<ConfigFile> {
  if (path === undefined) return { kubelet: {}, podwright: {} };
  let text: string;
  try {
    text = await readFile(path);
  } catch (error) {
    throw new ConfigError([{ origin: path, message: `cannot be read: ${(error as Error).message}` }]);
  }
  return parseConfigFile(path, text);
}

type Report = (origin: string, message: string) => void;

function merge(flags: Flags, { kubelet, podwright }: ConfigFile, deps: ConfigDeps, report: Report): Config {
  const { cni, ...own } = podwright;
  const duration = durationFlag(report);
  return {
    nodeName: (flags.hostnameOverride ?? deps.hostname).trim().toLowerCase(),
    rootDir: flags.rootDir ?? '/var/lib/kubelet',
    manifestDir: flags.podManifestPath ?? (kubelet.staticPodPath || '/etc/kubernetes/manifests'),
    fileCheckFrequencyMs:
      duration('--file-check-frequency', flags.fileCheckFrequency) ?? (kubelet.fileCheckFrequency || 20 * second),
    syncFrequencyMs: duration('--sync-frequency', flags.syncFrequency) ?? (kubelet.syncFrequency || 60 * second),
    dockerHost: flags.dockerHost ?? (own.dockerHost || deps.env['DOCKER_HOST'] || 'unix:///var/run/docker.sock'),
    socketPath: flags.socket ?? (own.socketPath || '/run/podwright/podwright.sock'),
    podSandboxImage: flags.podInfraContainerImage ?? 'registry.k8s.io/pause:3.10',
    podCidrs: (flags.podCidr ?? (kubelet.podCIDR || '10.244.0.0/24')).split(',').map((cidr) => cidr.trim()),
    podLogsDir: kubelet.podLogsDir || '/var/log/pods',
    containerLogsDir: own.containerLogsDir || '/var/log/containers',
    cni: {
      confDir: flags.cniConfDir ?? (cni?.confDir || '/etc/cni/net.d'),
      binDirs: flags.cniBinDir?.split(',') ?? cni?.binDirs ?? ['/opt/cni/bin'],
      cacheDir: flags.cniCacheDir ?? (cni?.cacheDir || '/var/lib/cni'),
      dataDir: cni?.dataDir || '/var/lib/cni/networks',
    },
    cgroupDriver: cgroupDriver(flags.cgroupDriver, report) ?? kubelet.cgroupDriver ?? undefined,
    cgroupRoot: kubelet.cgroupRoot ?? '',
    containerLogMaxSizeBytes: kubelet.containerLogMaxSize || 10 * 1024 * 1024,
    containerLogMaxFiles: kubelet.containerLogMaxFiles || 5,
    // Unlike the kubelet, images are pulled beside each other unless it is asked not to be.
    maxParallelPulls: kubelet.serializeImagePulls === true ? 1 : (kubelet.maxParallelImagePulls ?? undefined),
    maxParallelStarts: own.maxParallelStarts ?? undefined,
    maxPods: integerFlag('--max-pods', flags.maxPods, report) ?? (kubelet.maxPods || 110),
    runtimeRequestTimeoutMs:
      duration('--runtime-request-timeout', flags.runtimeRequestTimeout) ??
      (kubelet.runtimeRequestTimeout || 120 * second),
    maxContainerRestartPeriodMs: kubelet.crashLoopBackOff?.maxContainerRestartPeriod ?? maxRestartPeriodMs,
    log: {
      format: logFormat(flags.loggingFormat, report) ?? kubelet.logging?.format ?? undefined,
      verbosity: integerFlag('-v', flags.verbosity, report) ?? kubelet.logging?.verbosity ?? 2,
    },
  };
}

function durationFlag(report: Report): (flag: string, text: string | undefined) => number | undefined {
  return (flag, text) => {
    const ms = text === undefined ? undefined : parseDuration(text);
    if (text !== undefined && ms === undefined) report(flag, `must be a duration such as 20s, not ${text}`);
    return ms;
  };
}

function integerFlag(flag: string, text: string | undefined, report: Report): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) report(flag, `must be a number, not ${text}`);
  return Number(text);
}

function cgroupDriver(text: string | undefined, report: Report): Config['cgroupDriver'] {
  if (text === undefined || text === 'cgroupfs' || text === 'systemd') return text;
  report('--cgroup-driver', `must be cgroupfs or systemd, not ${text}`);
  return undefined;
}

function logFormat(text: string | undefined, report: Report): Config['log']['format'] {
  if (text === undefined || text === 'json' || text === 'text') return text;
  report('--logging-format', `must be json or text, not ${text}`);
  return undefined;
}

const nodeNamePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Checks that need the whole: a value is named by the flag that gave it, or by its field. */
function validate(config: Config, flags: Flags): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const check = (isRight: boolean, flag: string, given: string | undefined, field: string, message: string): void => {
    const place = given === undefined ? { origin: flags.config ?? 'defaults', path: field } : { origin: flag };
    if (!isRight) problems.push({ ...place, message });
  };
  check(
    nodeNamePattern.test(config.nodeName),
    '--hostname-override',
    config.nodeName,
    '',
    `node name ${JSON.stringify(config.nodeName)} is no DNS subdomain: give another with --hostname-override`,
  );
  check(
    areCidrs(config.podCidrs),
    '--pod-cidr',
    flags.podCidr,
    'podCIDR',
    `${config.podCidrs.join()} must be one network such as 203.0.113.0/24, or one of each family`,
  );
  check(
    isDockerHost(config.dockerHost),
    '--docker-host',
    flags.dockerHost,
    'dockerHost',
    `${config.dockerHost} must be unix:///path or tcp://host:port`,
  );
  check(config.containerLogMaxFiles > 1, '', undefined, 'containerLogMaxFiles', 'must be greater than 1');
  check((config.maxParallelPulls ?? 1) > 0, '', undefined, 'maxParallelImagePulls', 'must be greater than 0');
  check((config.maxParallelStarts ?? 1) > 0, '', undefined, 'maxParallelStarts', 'must be greater than 0');
  const restart = config.maxContainerRestartPeriodMs;
  check(
    restart >= second && restart <= maxRestartPeriodMs,
    '',
    undefined,
    'crashLoopBackOff.maxContainerRestartPeriod',
    'must be between 1s and 300s',
  );
  return problems;
}

function areCidrs(texts: readonly string[]): boolean {
  const cidrs = texts.map(parseCidr);
  const families = cidrs.map((cidr) => cidr?.family);
  return !families.includes(undefined) && new Set(families).size === texts.length;
}

function isDockerHost(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, hostname } = new URL(text);
  return protocol === 'unix:'
    ? pathname.startsWith('/')
    : ['tcp:', 'http:', 'https:'].includes(protocol) && hostname !== '';
}
