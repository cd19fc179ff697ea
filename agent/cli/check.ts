import { Command, Option } from 'commander';
import type { Flags } from '../config/index.ts';
import { addOptions, checkFlags, readConfig } from './flags.ts';

interface CheckOptions extends Flags {
  readonly output?: 'json';
}

/** `podwright check`: exits with 1 when pods cannot run here. */
export function command(): Command {
  return addOptions(
    new Command('check').description('say what this host lacks to run pods, and how to get it'),
    checkFlags,
  )
    .addOption(new Option('-o, --output <format>', 'machine-readable output').choices(['json']))
    .action(async (options: CheckOptions) => {
      process.exitCode = await check(options);
    });
}

async function check({ output, ...flags }: CheckOptions): Promise<number> {
  const loaded = await readConfig(flags);
  if (loaded === undefined) return 2;
  const [{ gather }, { planChecks }, { renderVerdicts }] = await Promise.all([
    import('./check/gather.ts'),
    import('./check/plan.ts'),
    import('./check/render.ts'),
  ]);
  const verdicts = planChecks(await gather(loaded.config, new AbortController().signal));
  process.stdout.write(
    output === 'json' ? `${JSON.stringify({ checks: verdicts }, undefined, 2)}\n` : renderVerdicts(verdicts),
  );
  return verdicts.some(({ level }) => level === 'FAIL') ? 1 : 0;
}
