import { Command } from 'commander';
import { chooseContainer } from './containers-plan.ts';
import { exitCodeOf } from './failure.ts';
import { defaultSocketPath, fetchStatus, podPath, upgrade } from './local-client.ts';
import { findPod } from './status/find-pod.ts';

interface ExecOptions {
  readonly container?: string;
  readonly stdin?: true;
  readonly tty?: true;
  readonly namespace?: string;
  readonly socket: string;
}

/** `podwright exec`: runs a command in a container; its exit code becomes ours. */
export function command(): Command {
  return new Command('exec')
    .description('run a command in a container')
    .usage('[options] <pod> -- <command> [args...]')
    .argument('<pod>', 'name of a pod, with or without the node at its end')
    .argument('<command...>', 'the command and its arguments, behind --')
    .option('-c, --container <name>', "a container of the pod (default: the pod's default container, or its first)")
    .option('-i, --stdin', 'pass standard input on')
    .option('-t, --tty', 'standard input is a terminal')
    .option('-n, --namespace <namespace>', 'namespace of the pod')
    .option('--socket <path>', "the daemon's socket", defaultSocketPath)
    .action(async (pod: string, argv: readonly string[], options: ExecOptions) => {
      process.exitCode = await exitCodeOf('podwright exec', () => exec(pod, argv, options));
    });
}

async function exec(name: string, argv: readonly string[], options: ExecOptions): Promise<number> {
  const report = findPod(await fetchStatus(options.socket), name, options.namespace);
  const { container, note } = chooseContainer(report.pod, options.container);
  if (note !== undefined) process.stderr.write(`${note}\n`);
  const stdin = options.stdin === true;
  const tty = options.tty === true && stdin && process.stdin.isTTY;
  if (options.tty === true && !tty) {
    process.stderr.write('Unable to use a TTY - input is not a terminal or the right kind of file\n');
  }
  const query = new URLSearchParams({
    container,
    ...(stdin ? { stdin: 'true' } : {}),
    ...(tty ? { tty: 'true' } : {}),
  });
  for (const argument of argv) query.append('command', argument);
  const [{ runSession }, { execProtocol }] = await Promise.all([
    import('./exec/session.ts'),
    import('../server/local/exec-frames.ts'),
  ]);
  const socket = await upgrade(options.socket, `${podPath(report)}/exec?${query.toString()}`, execProtocol);
  const { stdin: input, stdout, stderr } = process;
  const exitCode = await runSession(socket, { stdin: stdin ? input : undefined, stdout, stderr, tty });
  if (exitCode !== 0) process.stderr.write(`command terminated with exit code ${exitCode}\n`);
  return exitCode;
}
