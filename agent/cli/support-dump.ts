import { Command } from 'commander';
import { release } from 'node:os';
import { resolve } from 'node:path';
import { exec } from '../../cni/index.ts';
import type { Flags } from '../config/index.ts';
import { version } from '../version.ts';
import { exitCodeOf } from './failure.ts';
import { addOptions, readConfig, runFlags } from './flags.ts';
import { fetchJson } from './local-client.ts';

interface SupportDumpFlags extends Flags {
  readonly output?: string;
}

/** `podwright support-dump`: what others need to help. */
export function command(): Command {
  const dump = new Command('support-dump')
    .description('write the state of podwright and of this host, its rules and logs into an archive, without secrets')
    .option('-o, --output <file>', 'the archive (default: podwright-support-<node>-<time>.tar.gz)');
  return addOptions(dump, runFlags).action(async (flags: SupportDumpFlags) => {
    process.exitCode = await exitCodeOf('podwright support-dump', () => supportDump(flags));
  });
}

async function supportDump({ output, ...flags }: SupportDumpFlags): Promise<number> {
  const loaded = await readConfig(flags);
  if (loaded === undefined) return 2;
  const { config } = loaded;
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const file = resolve(output ?? `podwright-support-${config.nodeName}-${time}.tar.gz`);
  const { writeDump } = await import('../support/collect.ts');
  const versions = { podwright: version, node: process.version, kernel: release() };
  const ask = (path: string): Promise<unknown> => fetchJson(config.socketPath, path);
  const missing = await writeDump(file, { exec, ask, config, versions }, new AbortController().signal);
  for (const line of missing) process.stderr.write(`left out: ${line}\n`);
  process.stdout.write(`${file}\n`);
  process.stderr.write(
    'Values of environment variables, Secrets, ConfigMaps, tokens and keys were removed. Look at it all the same before it leaves your hands: commands and logs of pods may say more.\n',
  );
  return 0;
}
