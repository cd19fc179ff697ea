import { Command, CommanderError } from 'commander';
import { basename } from 'node:path';

interface CommandModule {
  command(): Command;
}

/** The commands; each is loaded when it is asked for, so that `status` does not pay for the daemon. */
const commands: Readonly<Record<string, () => Promise<CommandModule>>> = {
  run: () => import('./cli/run.ts'),
  status: () => import('./cli/status.ts'),
  logs: () => import('./cli/logs.ts'),
  exec: () => import('./cli/exec.ts'),
  events: () => import('./cli/events.ts'),
  services: () => import('./cli/services.ts'),
  trace: () => import('./cli/trace.ts'),
  rerun: () => import('./cli/rerun.ts'),
  check: () => import('./cli/check.ts'),
  init: () => import('./cli/init.ts'),
  join: () => import('./cli/join.ts'),
  reset: () => import('./cli/reset.ts'),
  certs: () => import('./cli/certs.ts'),
  token: () => import('./cli/token.ts'),
  install: () => import('./cli/install.ts'),
  uninstall: () => import('./cli/uninstall.ts'),
  'support-dump': () => import('./cli/support-dump.ts'),
  version: () => import('./cli/version.ts'),
};

const usageError = 2;

async function main(argv: readonly string[]): Promise<void> {
  const asked = commands[argv[2] ?? ''];
  const modules = await Promise.all(asked === undefined ? Object.values(commands).map((load) => load()) : [asked()]);
  const program = new Command('podwright')
    .description('a Kubernetes node for Docker hosts: kubelet, kube-proxy and pod network in one daemon')
    .showHelpAfterError('(podwright --help says more)')
    .showSuggestionAfterError()
    .exitOverride();
  for (const module of modules) program.addCommand(module.command().copyInheritedSettings(program));
  if (argv.length <= 2) program.help();
  await program.parseAsync(argv);
}

function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : usageError;
    return;
  }
  process.stderr.write(`podwright: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

// A reader that has seen enough (`podwright status | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

/** A link to podwright of that name is the kubelet for those who drive one: kubeadm, its systemd unit. */
const isKubelet = basename(process.argv[1] ?? '') === 'kubelet';

async function asKubelet(words: readonly string[]): Promise<void> {
  const { kubelet } = await import('./cli/kubelet.ts');
  process.exitCode = await kubelet(words);
}

(isKubelet ? asKubelet(process.argv.slice(2)) : main(process.argv)).catch(fail);
