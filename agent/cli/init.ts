import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Command, Option } from 'commander';
import { messageOf } from '../../cni/index.ts';
import { JoinError } from '../bootstrap/error.ts';
import type { InitFlags } from '../control-plane/init-settings.ts';
import type { InitSettings } from '../control-plane/settings.ts';
import { runWithSignals, sayLine } from './control-plane-run.ts';

type Usage = readonly [usage: string, description: string];

const repeatable: readonly Usage[] = [
  ['--apiserver-cert-extra-sans <names>', "further names and addresses in the API server's certificate"],
  ['--ignore-preflight-errors <names>', 'checks whose failures become warnings, comma-separated; all for each'],
  ['--image-archive <file>', 'archive of images for docker load, for a host that reaches no registry; may be repeated'],
  [
    '--skip-phases <names>',
    'preflight, kubelet-start, bootstrap-token, mark-control-plane, addon, addon/coredns, addon/kube-proxy',
  ],
];

const options: readonly Usage[] = [
  ['--apiserver-advertise-address <address>', 'address of the API server (default: of the default route)'],
  ['--apiserver-bind-port <port>', 'port of the API server (default: 6443)'],
  ['--cert-dir <dir>', 'directory of certificates (default: /etc/kubernetes/pki)'],
  ['--config <file>', "kubeadm's ClusterConfiguration and InitConfiguration"],
  ['--control-plane-endpoint <endpoint>', 'name or address for all API servers, with a port or without'],
  ['--docker-host <url>', 'unix:///path or tcp://host:port (default: unix:///var/run/docker.sock)'],
  ['--dry-run', 'say what would be written'],
  ['--image-repository <name>', 'where the images are (default: registry.k8s.io)'],
  ['--kubernetes-dir <dir>', 'directory of credentials and manifests (default: /etc/kubernetes)'],
  ['--kubernetes-version <version>', 'release of the control plane, as v1.32.3'],
  ['--node-name <name>', 'name of the node (default: the host name)'],
  ['--pod-network-cidr <cidrs>', 'addresses of pods, of which each node gets a share'],
  ['--root-dir <dir>', 'directory of the state (default: /var/lib/kubelet)'],
  ['--service-cidr <cidrs>', 'addresses of Services (default: 10.96.0.0/12)'],
  ['--service-dns-domain <domain>', 'domain of Services (default: cluster.local)'],
  ['--skip-token-print', 'do not print the bootstrap token'],
  ['--token <token>', 'bootstrap token (default: a new one)'],
  ['--token-ttl <duration>', 'how long the token is good; 0 for ever (default: 24h)'],
];

/** `podwright init`: makes this host the control plane of a new cluster, as `kubeadm init` does. */
export function command(): Command {
  const init = new Command('init').description('make this host a cluster of one node, as kubeadm init does');
  const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];
  for (const [usage, description] of options) init.option(usage, description);
  for (const [usage, description] of repeatable) init.option(usage, description, collect);
  init.addOption(new Option('--cri-socket <url>').hideHelp());
  return init.action(async (flags: InitFlags) => {
    process.exitCode = await runWithSignals('podwright init', async (signal) => {
      const settings = await readSettings(flags);
      await initialize(settings, signal);
    });
  });
}

async function initialize(settings: InitSettings, signal: AbortSignal): Promise<void> {
  const [{ initCluster }, { connectWith }, { systemClock }] = await Promise.all([
    import('../control-plane/init-cluster.ts'),
    import('../bootstrap/connect.ts'),
    import('../clock.ts'),
  ]);
  const deps = { clock: systemClock, connect: connectWith(systemClock), say: sayLine };
  await initCluster(settings, deps, signal);
}

async function readSettings(flags: InitFlags): Promise<InitSettings> {
  const [{ initSettings }, { parseInitFile }, { nodeAddresses }] = await Promise.all([
    import('../control-plane/init-settings.ts'),
    import('../control-plane/init-file.ts'),
    import('../node/facts.ts'),
  ]);
  const [address] = await nodeAddresses();
  const host = { hostname: hostname(), address, environment: process.env };
  if (flags.config === undefined) return initSettings(flags, undefined, host);
  const text = await readFile(flags.config, 'utf8').catch((error: unknown) => {
    throw new JoinError(`cannot read the configuration: ${messageOf(error)}`);
  });
  return initSettings(flags, parseInitFile(flags.config, text), host);
}
