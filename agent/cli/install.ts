import { Command } from 'commander';
import { messageOf } from '../../cni/index.ts';
import { systemClock } from '../clock.ts';
import { interruptible } from './interruptible.ts';

interface InstallFlags {
  readonly dryRun?: boolean;
  readonly start: boolean;
  readonly cri?: boolean;
}

/** `podwright install`: has systemd run the daemon. */
export function command(): Command {
  return new Command('install')
    .description('have systemd run the daemon, now and at each boot')
    .option('--dry-run', 'only print what would be done')
    .option('--no-start', 'make and enable the service, and leave the daemon as it is')
    .option('--cri', 'only the CRI endpoint that kubeadm asks for: /run/cri-dockerd.sock')
    .action(async ({ dryRun = false, start, cri = false }: InstallFlags) => {
      process.exitCode = await runInstaller('podwright install', async (deps, signal) => {
        const { install, installCri } = await import('../install/index.ts');
        if (cri) return installCri(dryRun, deps, signal).then(() => true);
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
  const interrupted = new Error('interrupted: run it again to finish');
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  try {
    return (await interruptible(interrupted, (signal) => work({ clock: systemClock, say }, signal))) ? 0 : 1;
  } catch (error) {
    const advice = error instanceof InstallRefused ? `  fix: ${error.advice}\n` : '';
    process.stderr.write(`${name}: ${messageOf(error)}\n${advice}`);
    return 1;
  }
}
