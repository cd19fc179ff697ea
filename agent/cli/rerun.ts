import { Command } from 'commander';
import { exitCodeOf } from './failure.ts';
import { defaultSocketPath, fetchStatus, podPath, post } from './local-client.ts';
import { findPod } from './status/find-pod.ts';

interface RerunOptions {
  readonly namespace?: string;
  readonly socket: string;
}

/** `podwright rerun`: runs a pod that has ended once more. */
export function command(): Command {
  return new Command('rerun')
    .description('run a pod that has ended (Succeeded or Failed) once more')
    .argument('<pod>', 'name of a pod, with or without the node at its end')
    .option('-n, --namespace <namespace>', 'namespace of the pod')
    .option('--socket <path>', "the daemon's socket", defaultSocketPath)
    .action(async (pod: string, options: RerunOptions) => {
      process.exitCode = await exitCodeOf('podwright rerun', () => rerun(pod, options));
    });
}

async function rerun(name: string, { namespace, socket }: RerunOptions): Promise<number> {
  const report = findPod(await fetchStatus(socket), name, namespace);
  await post(socket, `${podPath(report, 'podwright')}/rerun`);
  process.stdout.write(`pod/${report.pod.metadata.name} runs once more\n`);
  return 0;
}
