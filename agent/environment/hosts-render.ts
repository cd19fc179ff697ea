import type { Pod } from '../objects/types.ts';

/** What a pod's `/etc/hosts` is made of. */
export interface HostsFileInput {
  /** Primary first. */
  readonly podIps: readonly string[];
  readonly hostname: string;
  readonly domain: string | undefined;
  readonly hostAliases: Pod['spec']['hostAliases'];
  /** For a pod on the host network the text of the node's own `/etc/hosts`, undefined for all others. */
  readonly nodeHosts: string | undefined;
}

const localEntries = [
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::0', 'ip6-localnet'],
  ['fe00::0', 'ip6-mcastprefix'],
  ['fe00::1', 'ip6-allnodes'],
  ['fe00::2', 'ip6-allrouters'],
] as const;

/**
 * A pod's `/etc/hosts`, to the byte as the kubelet writes it (`pkg/kubelet/kubelet_pods.go`,
 * managedHostsFileContent), because programs look for its header:
 *
 *     # Kubernetes-managed hosts file.
 *     127.0.0.1<TAB>localhost
 *     ...
 *     192.0.2.7<TAB>web-0.web.default.svc.cluster.local<TAB>web-0     a line for each address of the pod
 *     <empty line>
 *     # Entries added by HostAliases.
 *     192.0.2.9<TAB>one<TAB>two
 */
export function renderHostsFile(input: HostsFileInput): string {
  const own =
    input.nodeHosts === undefined
      ? `# Kubernetes-managed hosts file.\n${lines([...localEntries, ...podEntries(input)])}`
      : `# Kubernetes-managed hosts file (host network).\n${input.nodeHosts}`;
  return own + renderAliases(input.hostAliases ?? []);
}

type Entry = readonly [ip: string, names: string];

function podEntries({ podIps, hostname, domain }: HostsFileInput): readonly Entry[] {
  const names = domain === undefined ? hostname : `${hostname}.${domain}\t${hostname}`;
  return podIps.map((ip) => [ip, names]);
}

function renderAliases(aliases: NonNullable<HostsFileInput['hostAliases']>): string {
  if (aliases.length === 0) return '';
  const entries = aliases.map(({ ip, hostnames = [] }): Entry => [ip, hostnames.join('\t')]);
  return `\n# Entries added by HostAliases.\n${lines(entries)}`;
}

function lines(entries: readonly Entry[]): string {
  return entries.map(([ip, names]) => `${ip}\t${names}\n`).join('');
}
