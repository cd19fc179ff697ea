import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { ConfigError, type Flags, kubeletFlags, type LoadedConfig, loadConfig } from '../config/index.ts';

type Option = readonly [usage: string, description: string];

/** What the preflight must know of the daemon to be. */
export const checkFlags: readonly Option[] = [
  ['--config <file>', 'KubeletConfiguration, with KubeProxyConfiguration and PodwrightConfiguration beside it'],
  ['--manifests <dir>', 'directory of static pod manifests (default: /etc/kubernetes/manifests)'],
  ['--root-dir <dir>', 'directory of the state (default: /var/lib/kubelet)'],
  ['--docker-host <url>', 'unix:///path or tcp://host:port (default: unix:///var/run/docker.sock)'],
  [kubeletFlags.podCidr.usage, kubeletFlags.podCidr.description],
  ['--cni-conf-dir <dir>', 'network configurations (default: /etc/cni/net.d)'],
];

/** Flags of the daemon. Those of the kubelet keep their names; what is not given comes from the file, then from defaults. */
export const runFlags: readonly Option[] = [
  ...checkFlags,
  ['--cni-bin-dir <dirs>', 'network plugins, comma-separated (default: /opt/cni/bin)'],
  ['--cni-cache-dir <dir>', 'results of network plugins (default: /var/lib/cni)'],
  ['--hostname-override <name>', 'name of the node (default: the host name)'],
  ['--kubeconfig <file>', 'how to reach the API server: the node is one of a cluster (default: it stands alone)'],
  ['--node-ip <addresses>', 'address that the node goes by, one or one of each family (default: of its default route)'],
  ['--node-labels <labels>', 'labels of the node besides the usual ones, comma-separated: key=value'],
  ['--proxy-mode <mode>', 'iptables, ipvs, nftables or auto: how Services work (default: auto)'],
  ['--pod-infra-container-image <image>', 'image of the pause container; the built-in one where it cannot be had'],
  ['--image-credential-provider-config <file>', 'CredentialProviderConfig: programs that know credentials for images'],
  ['--image-credential-provider-bin-dir <dir>', 'directory of those programs'],
  ['--socket <path>', 'socket of the local API (default: /run/podwright/podwright.sock)'],
  ['--logging-format <format>', 'json or text (default: text on a terminal)'],
  ['-v <number>', 'verbosity of the log; 4 for debug messages (default: 2)'],
  ...Object.values(kubeletFlags)
    .filter(({ stays }) => stays !== true)
    .map(({ usage, description, field }): Option => [usage, `${description}; in the file: ${field}`]),
];

export function addOptions(command: Command, options: readonly Option[]): Command {
  for (const [usage, description] of options) command.option(usage, description);
  return command;
}

/** The configuration by the flags; undefined when it is wrong, which standard error has then been told, a line a problem. */
export async function readConfig(flags: Flags): Promise<LoadedConfig | undefined> {
  try {
    return await loadConfigHere(flags);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return undefined;
  }
}

/**
 * The configuration by the flags, of this host.
 *
 * @throws ConfigError
 */
export const loadConfigHere = (flags: Flags): Promise<LoadedConfig> =>
  loadConfig(flags, {
    readFile: async (path) => readFile(path, 'utf8'),
    env: process.env,
    hostname: hostname(),
    cwd: process.cwd(),
  });
