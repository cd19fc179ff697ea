import { Command } from 'commander';
import { runInstaller } from './install.ts';

/** `podwright uninstall`: takes `podwright install` back. */
export function command(): Command {
  return new Command('uninstall')
    .description('stop the daemon and remove what podwright install made; pods run on, and their state stays')
    .option('--dry-run', 'only print what would be done')
    .action(async ({ dryRun = false }: { readonly dryRun?: boolean }) => {
      process.exitCode = await runInstaller('podwright uninstall', async (deps, signal) => {
        const { uninstall } = await import('../install/index.ts');
        await uninstall(dryRun, deps, signal);
        return true;
      });
    });
}
