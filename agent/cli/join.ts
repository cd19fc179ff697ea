import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Command, Option } from 'commander';
import { messageOf } from '../../cni/index.ts';
import { JoinError } from '../bootstrap/error.ts';
import type { JoinFlags, JoinSettings } from '../bootstrap/settings.ts';
import { interruptible } from './interruptible.ts';

type Usage = readonly [usage: string, description: string];

const repeatable: readonly Usage[] = [
  ['--discovery-token-ca-cert-hash <hash>', "sha256:… of the cluster's CA; with several, one must fit"],
  ['--ignore-preflight-errors <names>', 'checks whose failures become warnings, comma-separated; all for each'],
  ['--skip-phases <names>', 'preflight, kubelet-start: without the checks, without starting the service'],
];

const options: readonly Usage[] = [
  ['--token <token>', 'for both --discovery-token and --tls-bootstrap-token'],
  ['--discovery-token <token>', 'bootstrap token that the information on the cluster is signed with'],
  ['--tls-bootstrap-token <token>', "bootstrap token to ask for the node's certificate with"],
  ['--discovery-token-unsafe-skip-ca-verification', 'believe whoever knows the token'],
  ['--discovery-file <path>', 'kubeconfig with the cluster, a path or https:// address, in the place of a token'],
  ['--config <file>', "kubeadm's JoinConfiguration"],
  ['--node-name <name>', 'name of the node (default: the host name)'],
  ['--cri-socket <url>', 'taken, as kubeadm has it, and not used: see --docker-host'],
  ['--dry-run', 'say what would be written; asks for no certificate'],
  ['--root-dir <dir>', 'directory of the state (default: /var/lib/kubelet)'],
  ['--kubernetes-dir <dir>', 'directory of credentials and manifests (default: /etc/kubernetes)'],
  ['--docker-host <url>', 'unix:///path or tcp://host:port (default: unix:///var/run/docker.sock)'],
  ['-v <number>', 'verbosity: 4 or more tells causes of failures'],
];

/** Of kubeadm; refused with advice. */
const controlPlaneOptions = [
  '--control-plane',
  '--certificate-key <key>',
  '--apiserver-advertise-address <address>',
  '--apiserver-bind-port <port>',
];

/** `podwright join`: makes this host a node of a cluster, as `kubeadm join` does. */
export function command(): Command {
  const join = new Command('join')
    .description('make this host a node of a Kubernetes cluster, as kubeadm join does')
    .argument('[endpoint]', 'HOST:PORT of the API server');
  const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];
  for (const [usage, description] of repeatable) join.option(usage, description, collect);
  for (const [usage, description] of options) join.option(usage, description);
  for (const usage of controlPlaneOptions) join.addOption(new Option(usage).hideHelp());
  return join.action(async (endpoint: string | undefined, flags: JoinFlags & { readonly v?: string }) => {
    process.exitCode = await run(endpoint, flags);
  });
}

async function run(endpoint: string | undefined, flags: JoinFlags & { readonly v?: string }): Promise<number> {
  const interrupted = new JoinError('interrupted: nothing was changed');
  try {
    return await interruptible(interrupted, (signal) => join(endpoint, flags, signal));
  } catch (error) {
    process.stderr.write(renderFailure(error, Number(flags.v ?? 0) >= 4));
    return 1;
  }
}

function renderFailure(error: unknown, withCause: boolean): string {
  const message = messageOf(error);
  const advice = error instanceof JoinError && error.advice !== undefined ? `  fix: ${error.advice}\n` : '';
  const { cause } = error as { readonly cause?: unknown };
  const detail =
    withCause && cause !== undefined
      ? `  cause: ${cause instanceof Error ? cause.message : JSON.stringify(cause)}\n`
      : '';
  return `podwright join: ${message}\n${advice}${detail}`;
}

async function join(endpoint: string | undefined, flags: JoinFlags, signal: AbortSignal): Promise<number> {
  const settings = await readSettings(endpoint, flags);
  const [{ joinCluster }, { connectWith }, { httpsGet }, { systemClock }] = await Promise.all([
    import('../bootstrap/join-cluster.ts'),
    import('../bootstrap/connect.ts'),
    import('../bootstrap/https-get.ts'),
    import('../clock.ts'),
  ]);
  const say = (text: string): void => void process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  const deps = { get: httpsGet, clock: systemClock, connect: connectWith(systemClock), say };
  await joinCluster(settings, flags, deps, signal);
  return 0;
}

async function readSettings(endpoint: string | undefined, flags: JoinFlags): Promise<JoinSettings> {
  const [{ joinSettings }, { parseJoinFile }] = await Promise.all([
    import('../bootstrap/settings.ts'),
    import('../bootstrap/join-file.ts'),
  ]);
  if (flags.config === undefined) return joinSettings(endpoint, flags, undefined, hostname());
  const text = await readFile(flags.config, 'utf8').catch((error: unknown) => {
    throw new JoinError(`cannot read the configuration: ${(error as Error).message}`);
  });
  return joinSettings(endpoint, flags, parseJoinFile(flags.config, text), hostname());
}
