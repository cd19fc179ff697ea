import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { messageOf } from '../../cni/index.ts';
import type { Flags } from '../config/index.ts';
import { LockedError } from '../lock.ts';
import { createLog } from '../log.ts';
import { addOptions, readConfig, runFlags } from './flags.ts';
import { interruptible } from './interruptible.ts';

interface ResetFlags extends Flags {
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly gracePeriod?: string;
}

/** `podwright reset`: removes all that podwright made on this host. */
export function command(): Command {
  const reset = new Command('reset')
    .description('end all pods and remove everything that podwright made on this host, and only that')
    .option('-f, --force', 'do not ask')
    .option('--dry-run', 'only print what would be done')
    .option('--grace-period <seconds>', "grace period of the pods (default: each pod's own)");
  return addOptions(reset, runFlags).action(async (flags: ResetFlags) => {
    process.exitCode = await run(flags);
  });
}

const say = (line: string): void => void process.stdout.write(`[reset] ${line}\n`);
const complain = (line: string): void => void process.stderr.write(`podwright reset: ${line}\n`);

async function run({ force = false, dryRun = false, gracePeriod, ...flags }: ResetFlags): Promise<number> {
  const seconds = gracePeriod === undefined ? undefined : Number(gracePeriod);
  if (seconds !== undefined && !(Number.isInteger(seconds) && seconds >= 0)) {
    complain(`--grace-period: ${gracePeriod ?? ''} is no number of seconds`);
    return 2;
  }
  if (!force && !dryRun && !process.stdin.isTTY) {
    complain('standard input is no terminal that could be asked: use --force to go on without a question');
    return 2;
  }
  const loaded = await readConfig(flags);
  if (loaded === undefined) return 2;
  return resetHost(loaded.config, { force, isDryRun: dryRun, gracePeriod: seconds });
}

interface Asked {
  readonly force: boolean;
  readonly isDryRun: boolean;
  readonly gracePeriod: number | undefined;
}

type ResetConfig = NonNullable<Awaited<ReturnType<typeof readConfig>>>['config'];

async function resetHost(config: ResetConfig, { force, ...asked }: Asked): Promise<number> {
  const { reset } = await import('../reset/index.ts');
  const log = await createLog({ ...config.log, verbosity: 0 });
  const interrupted = new Error('interrupted: run podwright reset again to finish');
  try {
    const failures = await interruptible(interrupted, (signal) => {
      const confirm = async (): Promise<boolean> => force || (await isConfirmed(signal));
      return reset(config, { ...asked, log, say, confirm }, signal);
    });
    return report(failures, asked.isDryRun);
  } catch (error) {
    complain(messageOf(error));
    if (error instanceof LockedError) complain('stop it first: systemctl stop podwright, or end that process');
    return 1;
  }
}

async function isConfirmed(signal: AbortSignal): Promise<boolean> {
  say('All of this is removed from this host, and running pods are ended. Manifests, images and hostPath files stay.');
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test(
      (await lines.question('[reset] Are you sure you want to proceed? [y/N]: ', { signal })).trim(),
    );
  } finally {
    lines.close();
  }
}

function report(failures: readonly string[] | undefined, isDryRun: boolean): number {
  if (failures === undefined) {
    say('Nothing was changed');
    return 1;
  }
  for (const failure of failures) complain(failure);
  if (failures.length > 0) {
    complain('not everything is gone: repair what is said above, and run it again');
    return 1;
  }
  if (!isDryRun) say('Done. Manifests, images, CNI configuration and sysctls stay as they are');
  return 0;
}
