import { Command } from 'commander';
import { pipeline } from 'node:stream/promises';
import { chooseContainer } from './containers-plan.ts';
import { exitCodeOf } from './failure.ts';
import { DaemonError, defaultSocketPath, fetchStatus, isCutOff, openStream, podPath } from './local-client.ts';
import { type LogFlags, logQuery } from './logs/query-plan.ts';
import { findPod } from './status/find-pod.ts';

interface LogsOptions extends LogFlags {
  readonly container?: string;
  readonly namespace?: string;
  readonly socket: string;
}

/** `podwright logs`: what a container has printed, and prints. */
export function command(): Command {
  return new Command('logs')
    .description('print the log of a container')
    .argument('<pod>', 'name of a pod, with or without the node at its end')
    .option('-c, --container <name>', "a container of the pod (default: the pod's default container, or its first)")
    .option('-f, --follow', 'go on until the container ends')
    .option('-p, --previous', 'the instance of the container before the current one')
    .option('--tail <lines>', 'only so many lines from the end; -1 for all')
    .option('--since <duration>', 'only what is younger: 5s, 2m, 3h')
    .option('--since-time <time>', 'only what came after a time in RFC 3339')
    .option('--timestamps', 'the time in front of each line')
    .option('-n, --namespace <namespace>', 'namespace of the pod')
    .option('--socket <path>', "the daemon's socket", defaultSocketPath)
    .action(async (pod: string, options: LogsOptions) => {
      process.exitCode = await exitCodeOf('podwright logs', () => logs(pod, options));
    });
}

async function logs(name: string, options: LogsOptions): Promise<number> {
  const query = logQuery(options);
  const report = findPod(await fetchStatus(options.socket), name, options.namespace);
  const { container, note } = chooseContainer(report.pod, options.container);
  if (note !== undefined) process.stderr.write(`${note}\n`);
  query.set('container', container);
  const log = await openStream(options.socket, `${podPath(report)}/log?${query.toString()}`);
  try {
    await pipeline(log, process.stdout, { end: false });
  } catch (error) {
    if (!isCutOff(error)) throw error;
    throw new DaemonError('the log broke off: podwright has stopped, or the container was removed', { cause: error });
  }
  return 0;
}
