import { parseCidr } from '../../cni/index.ts';
import { parseThresholds } from '../eviction/thresholds.ts';
import type { FieldPath } from '../objects/field-path.ts';
import { formatPath } from '../objects/field-path.ts';
import { shutdownProblems } from '../shutdown/plan.ts';
import { serverProblems } from '../server/kubelet/settings-plan.ts';
import type { ConfigProblem } from './error.ts';
import type { ConfigFile, Kind } from './file.ts';
import { maxRestartPeriodMs } from './merge.ts';
import { parseNodeLabels } from './node-labels.ts';
import { enforceableGroups, reservationProblem } from './reservations.ts';
import type { Config, Flags } from './types.ts';

/** Where a value came from: the flag when that was given, else the field of the file, else what is named. */
interface Place {
  readonly flag?: readonly [name: string, value: string | undefined];
  readonly field?: readonly [kind: Kind, ...path: string[]];
  readonly otherwise?: string;
}

interface Rule extends Place {
  readonly holds: boolean;
  readonly message: string;
}

const nodeNamePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const maxNodeNameLength = 253;
const minRestartPeriodMs = 1000;
const minPeriodMicros = 1_000;
const maxPeriodMicros = 1_000_000;

/** What is wrong with a configuration that the schema of its fields cannot say. */
export function validateConfig(config: Config, flags: Flags, file: ConfigFile): ConfigProblem[] {
  return rules(config, flags, file)
    .filter(({ holds }) => !holds)
    .map(({ message, ...place }) => ({ ...locate(place, flags.config, file), message }));
}

function locate(place: Place, configFile: string | undefined, file: ConfigFile): Omit<ConfigProblem, 'message'> {
  const [flag, given] = place.flag ?? ['', undefined];
  if (given !== undefined) return { origin: flag };
  const [kind, ...path] = place.field ?? [undefined];
  const line = kind === undefined ? undefined : file.lineOf(kind, path satisfies FieldPath);
  if (place.otherwise !== undefined || line === undefined || configFile === undefined) {
    return { origin: place.otherwise ?? 'defaults' };
  }
  return { origin: configFile, line, path: formatPath(path) };
}

function rules(config: Config, flags: Flags, file: ConfigFile): readonly Rule[] {
  return [
    ...nameRules(config, flags),
    ...networkRules(config, flags, file),
    ...serviceRules(config, flags),
    ...limitRules(config, flags),
    ...imageRules(config),
    ...resourceRules(config),
    ...evictionRules(config),
    ...shutdownRules(config),
    ...serverRules(config),
    ...logRules(flags),
  ];
}

function nameRules({ nodeName }: Config, { hostnameOverride, nodeLabels }: Flags): Rule[] {
  const { problem } = parseNodeLabels(nodeLabels ?? '');
  return [
    { holds: problem === undefined, flag: ['--node-labels', nodeLabels], message: problem ?? '' },
    {
      holds: nodeNamePattern.test(nodeName) && nodeName.length <= maxNodeNameLength,
      flag: ['--hostname-override', hostnameOverride],
      otherwise: 'host name',
      message: `node name ${JSON.stringify(nodeName)} is no DNS subdomain (RFC 1123): give another with --hostname-override`,
    },
  ];
}

function networkRules({ podCidrs, dockerHost, kubelet }: Config, flags: Flags, file: ConfigFile): Rule[] {
  return [
    {
      holds: areCidrs(podCidrs),
      flag: ['--pod-cidr', flags.podCidr],
      field: ['KubeletConfiguration', 'podCIDR'],
      message: `${JSON.stringify(kubelet.podCIDR)} must be one network such as 203.0.113.0/24, or one of each family`,
    },
    {
      holds: isDockerHost(dockerHost),
      flag: ['--docker-host', flags.dockerHost],
      field: ['PodwrightConfiguration', 'dockerHost'],
      ...(file.podwright.dockerHost ? {} : { otherwise: 'DOCKER_HOST' }),
      message: `${JSON.stringify(dockerHost)} must be unix:///path or tcp://host:port`,
    },
  ];
}

function serviceRules({ services: { clusterIps, nodePorts }, proxyMode }: Config, flags: Flags): Rule[] {
  const { first, last } = nodePorts;
  return [
    {
      holds: ['iptables', 'ipvs', 'nftables', 'auto'].includes(proxyMode),
      flag: ['--proxy-mode', flags.proxyMode],
      message: `${JSON.stringify(proxyMode)} must be iptables, ipvs, nftables or auto`,
    },
    {
      holds: areCidrs(clusterIps),
      field: ['PodwrightConfiguration', 'serviceClusterIPRange'],
      message: `${JSON.stringify(clusterIps.join())} must be one network such as 10.96.0.0/12, or one of each family`,
    },
    {
      holds: first > 0 && first <= last && last <= 65_535,
      field: ['PodwrightConfiguration', 'serviceNodePortRange'],
      message: 'must be two ports such as 30000-32767',
    },
  ];
}

function limitRules({ maxParallelStarts, ...config }: Config, flags: Flags): Rule[] {
  const restartMs = config.maxContainerRestartPeriodMs;
  return [
    {
      holds: config.containerLogMaxFiles > 1,
      flag: ['--container-log-max-files', flags.containerLogMaxFiles],
      field: ['KubeletConfiguration', 'containerLogMaxFiles'],
      message: 'must be greater than 1',
    },
    {
      holds: (maxParallelStarts ?? 1) > 0,
      field: ['PodwrightConfiguration', 'maxParallelStarts'],
      message: 'must be greater than 0',
    },
    {
      holds: restartMs >= minRestartPeriodMs && restartMs <= maxRestartPeriodMs,
      field: ['KubeletConfiguration', 'crashLoopBackOff', 'maxContainerRestartPeriod'],
      message: 'must be between 1s and 300s',
    },
  ];
}

/** `ValidateKubeletConfiguration` and the kubelet's `NewImageGCManager`. */
function imageRules({ kubelet, imageGc }: Config): Rule[] {
  const { serializeImagePulls, maxParallelImagePulls } = kubelet;
  const { highThresholdPercent: high, lowThresholdPercent: low, minAgeMs, maxAgeMs } = imageGc;
  return [
    {
      holds: (maxParallelImagePulls ?? 1) > 0,
      field: ['KubeletConfiguration', 'maxParallelImagePulls'],
      message: 'must be greater than 0',
    },
    {
      holds: serializeImagePulls !== true || (maxParallelImagePulls ?? 1) <= 1,
      field: ['KubeletConfiguration', 'maxParallelImagePulls'],
      message: 'must not be greater than 1 while serializeImagePulls is true',
    },
    {
      holds: high >= 0 && high <= 100,
      field: ['KubeletConfiguration', 'imageGCHighThresholdPercent'],
      message: 'must be between 0 and 100',
    },
    {
      holds: low >= 0 && low < high,
      field: ['KubeletConfiguration', 'imageGCLowThresholdPercent'],
      message: `must be between 0 and imageGCHighThresholdPercent, which is ${high}, and not the same`,
    },
    {
      holds: maxAgeMs === 0 || maxAgeMs > minAgeMs,
      field: ['KubeletConfiguration', 'imageMaximumGCAge'],
      message: 'must be longer than imageMinimumGCAge',
    },
  ];
}

function resourceRules({ kubelet, cpuQuota, cgroupsPerQOS }: Config): Rule[] {
  const reservations = (['systemReserved', 'kubeReserved'] as const).map((field): Rule => {
    const problem = reservationProblem(kubelet[field] ?? {});
    return { holds: problem === undefined, field: ['KubeletConfiguration', field], message: problem ?? '' };
  });
  return [
    ...reservations,
    {
      holds: (kubelet.enforceNodeAllocatable ?? []).every((group) => enforceableGroups.includes(group)),
      field: ['KubeletConfiguration', 'enforceNodeAllocatable'],
      message: `must be a list of ${enforceableGroups.join(', ')}`,
    },
    {
      holds: cgroupsPerQOS || (kubelet.enforceNodeAllocatable ?? ['pods']).every((group) => group === 'none'),
      field: ['KubeletConfiguration', 'enforceNodeAllocatable'],
      message: 'is not supported unless cgroupsPerQOS is true: must be []',
    },
    {
      holds: cpuQuota.periodMicros >= minPeriodMicros && cpuQuota.periodMicros <= maxPeriodMicros,
      field: ['KubeletConfiguration', 'cpuCFSQuotaPeriod'],
      message: 'must be between 1ms and 1s',
    },
  ];
}

function evictionRules({ kubelet }: Config): Rule[] {
  return parseThresholds(kubelet).problems.map(({ field, signal, message }) => ({
    holds: false,
    field: ['KubeletConfiguration', field, signal],
    message,
  }));
}

function shutdownRules({ kubelet }: Config): Rule[] {
  return shutdownProblems(kubelet).map(({ field, message }) => ({
    holds: false,
    field: ['KubeletConfiguration', field],
    message,
  }));
}

function serverRules({ kubelet }: Config): Rule[] {
  return serverProblems(kubelet).map(({ field, message }) => ({
    holds: false,
    field: ['KubeletConfiguration', field],
    message,
  }));
}

function logRules({ loggingFormat, v }: Flags): Rule[] {
  return [
    {
      holds: loggingFormat === undefined || loggingFormat === 'json' || loggingFormat === 'text',
      flag: ['--logging-format', loggingFormat],
      message: `must be json or text, not ${JSON.stringify(loggingFormat)}`,
    },
    {
      holds: v === undefined || /^\d{1,3}$/.test(v),
      flag: ['-v', v],
      message: `must be a number of 0 or more, not ${JSON.stringify(v)}`,
    },
  ];
}

function areCidrs(texts: readonly string[]): boolean {
  const families = texts.map((text) => parseCidr(text)?.family);
  return !families.includes(undefined) && new Set(families).size === texts.length;
}

function isDockerHost(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, hostname } = new URL(text);
  return protocol === 'unix:' ? pathname.length > 1 : ['tcp:', 'http:', 'https:'].includes(protocol) && hostname !== '';
}
