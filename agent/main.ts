import { CommanderError } from 'commander';
import { basename } from 'node:path';
import { createProgram } from './cli/program.ts';

const usageError = 2;

async function main(argv: readonly string[]): Promise<void> {
  const program = await createProgram(argv[2]);
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
