import { Command } from 'commander';

interface CommandModule {
  command(): Command;
}

/** The commands; each is loaded when it is asked for, so that `status` does not pay for the daemon. */
const commands: Readonly<Record<string, () => Promise<CommandModule>>> = {
  run: () => import('./run.ts'),
  status: () => import('./status.ts'),
  logs: () => import('./logs.ts'),
  exec: () => import('./exec.ts'),
  events: () => import('./events.ts'),
  services: () => import('./services.ts'),
  trace: () => import('./trace.ts'),
  rerun: () => import('./rerun.ts'),
  check: () => import('./check.ts'),
  init: () => import('./init.ts'),
  join: () => import('./join.ts'),
  reset: () => import('./reset.ts'),
  certs: () => import('./certs.ts'),
  token: () => import('./token.ts'),
  cri: () => import('./cri.ts'),
  install: () => import('./install.ts'),
  uninstall: () => import('./uninstall.ts'),
  'support-dump': () => import('./support-dump.ts'),
  completion: () => import('./completion.ts'),
  version: () => import('./version.ts'),
};

/**
 * The command line, with the one command that is asked for, else with all of them.
 *
 * @param asked the word behind the program's name
 */
export async function createProgram(asked: string | undefined): Promise<Command> {
  const wanted = commands[asked ?? ''];
  const modules = await Promise.all(wanted === undefined ? Object.values(commands).map((load) => load()) : [wanted()]);
  const program = new Command('podwright')
    .description('a Kubernetes node for Docker hosts: kubelet, kube-proxy and pod network in one daemon')
    .showHelpAfterError('(podwright --help says more)')
    .showSuggestionAfterError()
    .exitOverride();
  for (const module of modules) program.addCommand(module.command().copyInheritedSettings(program));
  return program;
}
