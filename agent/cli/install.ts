import { Command } from 'commander';
import { messageOf } from '../../cni/index.ts';
import { systemClock } from '../clock.ts';

interface InstallFlags {
  readonly dryRun?: boolean;
  readonly start: boolean;
}

/** `podwright install`: has systemd run the daemon. */
export function command(): Command {
  return new Command('install')
    .description('have systemd run the daemon, now and at each boot')
    .option('--dry-run', 'only print what would be done')
    .option('--no-start', 'make and enable the service, and leave the daemon as it is')
    .action(async ({ dryRun = false, start }: InstallFlags) => {
      process.exitCode = await runInstaller('podwright install', async (deps, signal) => {
        const { install } = await import('../install/index.ts');
        return install({ start, isDryRun: dryRun }, deps, signal);
      });
    });
}

type Work = (
  deps: { readonly clock: typeof systemClock; readonly say: (line: string) => void },
  signal: AbortSignal,
) => Promise<boolean>;

/** @returns the exit code */
export async function runInstaller(name: string, work: Work): Promise<number> {
  const { InstallRefused } = await import('../install/index.ts');
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error('interrupted: run it again to finish'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  try {
    return (await work({ clock: systemClock, say }, controller.signal)) ? 0 : 1;
  } catch (error) {
    const advice = error instanceof InstallRefused ? `  fix: ${error.advice}\n` : '';
    process.stderr.write(`${name}: ${messageOf(error)}\n${advice}`);
    return 1;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
