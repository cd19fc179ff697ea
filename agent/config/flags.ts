import type { ConfigProblem } from './error.ts';
import { type KubeletConfiguration, kubeletSchema } from './kubelet-schema.ts';
import { type FlagForm, readFlagValue } from './flag-values.ts';
import { type FlaggedValue, fieldsOfKubeletFlags } from './more-kubelet-flags.ts';
import type { Flags, KubeletFlagName } from './types.ts';

interface KubeletFlag {
  /** As commander writes it: the name and a word for its value. */
  readonly usage: `--${string} <${string}>`;
  readonly description: string;
  readonly field: keyof KubeletConfiguration;
  /** How the flag's text becomes the value of the field. */
  readonly form: FlagForm;
  /** A flag of podwright's own, which the kubelet has too: it stays. The others it has declared obsolete. */
  readonly stays?: true;
}

/**
 * Flags of the kubelet that set a field of KubeletConfiguration (`cmd/kubelet/app/options/options.go`). They count more
 * than the file, as in the kubelet, and are checked by the rules of their field.
 */
export const kubeletFlags: Readonly<Record<KubeletFlagName, KubeletFlag>> = {
  podManifestPath: {
    usage: '--pod-manifest-path <dir>',
    description: 'the same as --manifests',
    field: 'staticPodPath',
    form: 'text',
  },
  podCidr: {
    usage: '--pod-cidr <cidrs>',
    description: 'addresses of pods, one range or one of each family (default: 10.244.0.0/24)',
    field: 'podCIDR',
    form: 'text',
    stays: true,
  },
  fileCheckFrequency: {
    usage: '--file-check-frequency <duration>',
    description: 'between two looks at all manifests (default: 20s)',
    field: 'fileCheckFrequency',
    form: 'text',
  },
  syncFrequency: {
    usage: '--sync-frequency <duration>',
    description: 'between two looks at running pods (default: 1m)',
    field: 'syncFrequency',
    form: 'text',
  },
  runtimeRequestTimeout: {
    usage: '--runtime-request-timeout <duration>',
    description: 'deadline of a call to Docker (default: 2m)',
    field: 'runtimeRequestTimeout',
    form: 'text',
  },
  maxPods: {
    usage: '--max-pods <number>',
    description: 'pods on this node (default: 110)',
    field: 'maxPods',
    form: 'number',
  },
  podMaxPids: {
    usage: '--pod-max-pids <number>',
    description: 'processes in a pod (default: no limit)',
    field: 'podPidsLimit',
    form: 'number',
  },
  cgroupDriver: {
    usage: '--cgroup-driver <driver>',
    description: "cgroupfs or systemd (default: Docker's)",
    field: 'cgroupDriver',
    form: 'text',
  },
  cgroupRoot: {
    usage: '--cgroup-root <cgroup>',
    description: 'cgroup that holds those of pods (default: the root)',
    field: 'cgroupRoot',
    form: 'text',
  },
  clusterDns: {
    usage: '--cluster-dns <addresses>',
    description: 'DNS servers of the cluster, comma-separated',
    field: 'clusterDNS',
    form: 'list',
  },
  clusterDomain: {
    usage: '--cluster-domain <domain>',
    description: 'domain of the cluster',
    field: 'clusterDomain',
    form: 'text',
  },
  resolvConf: {
    usage: '--resolv-conf <file>',
    description: "the resolver's configuration that pods start from (default: /etc/resolv.conf)",
    field: 'resolvConf',
    form: 'text',
  },
  containerLogMaxSize: {
    usage: '--container-log-max-size <quantity>',
    description: 'largest size of a log file (default: 10Mi)',
    field: 'containerLogMaxSize',
    form: 'text',
  },
  containerLogMaxFiles: {
    usage: '--container-log-max-files <number>',
    description: 'log files of a container (default: 5)',
    field: 'containerLogMaxFiles',
    form: 'number',
  },
  serializeImagePulls: {
    usage: '--serialize-image-pulls <boolean>',
    description: 'pull one image at a time (default: false, unlike the kubelet)',
    field: 'serializeImagePulls',
    form: 'boolean',
  },
  registryQps: {
    usage: '--registry-qps <number>',
    description: 'pulls a second (default: 5)',
    field: 'registryPullQPS',
    form: 'number',
  },
  registryBurst: {
    usage: '--registry-burst <number>',
    description: 'pulls in a burst (default: 10)',
    field: 'registryBurst',
    form: 'number',
  },
  registerNode: {
    usage: '--register-node <boolean>',
    description: 'whether the daemon makes its Node at the API server (default: true)',
    field: 'registerNode',
    form: 'boolean',
  },
  registerWithTaints: {
    usage: '--register-with-taints <taints>',
    description: 'taints of a Node that is new, comma-separated: key=value:effect',
    field: 'registerWithTaints',
    form: 'taints',
  },
  providerId: {
    usage: '--provider-id <id>',
    description: "the cloud's name of this machine",
    field: 'providerID',
    form: 'text',
  },
  containerRuntimeEndpoint: {
    usage: '--container-runtime-endpoint <url>',
    description: 'accepted for the sake of kubeadm: see --docker-host',
    field: 'containerRuntimeEndpoint',
    form: 'text',
  },
};

export interface FlaggedFields {
  readonly fields: Partial<KubeletConfiguration>;
  readonly problems: readonly ConfigProblem[];
  /** What to tell of flags that the kubelet has declared obsolete. */
  readonly warnings: readonly string[];
}

/** The fields that the given flags set. */
export function fieldsOfFlags(flags: Flags): FlaggedFields {
  const fields: Record<string, unknown> = {};
  const problems: ConfigProblem[] = [];
  const warnings: string[] = [];
  for (const [field, { flag, path, value, stays }] of [
    ...ownFlags(flags),
    ...fieldsOfKubeletFlags(flags.kubelet ?? {}),
  ]) {
    const parsed = kubeletSchema.shape[field as keyof KubeletConfiguration].safeParse(value);
    if (parsed.success) fields[field] = parsed.data;
    else problems.push(...parsed.error.issues.map(({ message }) => ({ origin: flag, message })));
    if (stays !== true) warnings.push(`${flag} is deprecated in the kubelet: set ${path} in the file of --config`);
  }
  return { fields, problems, warnings };
}

/** The values of the flags of {@link kubeletFlags}, by their fields. */
function ownFlags(flags: Flags): readonly (readonly [field: string, value: FlaggedValue])[] {
  return Object.entries(kubeletFlags).flatMap(([name, { usage, field, form, stays = false }]) => {
    const text = flags[name as KubeletFlagName];
    const flag = usage.split(' ')[0] ?? usage;
    return text === undefined ? [] : [[field, { flag, path: field, value: readFlagValue(form, text), stays }] as const];
  });
}
