import { Command, Option } from 'commander';
import { version } from '../version.ts';

/** `podwright version` */
export function command(): Command {
  return new Command('version')
    .description('show the version')
    .addOption(new Option('-o, --output <format>', 'machine-readable output').choices(['json']))
    .action(({ output }: { readonly output?: string }) => {
      const { node } = process.versions;
      const text = output === 'json' ? JSON.stringify({ version, node, arch: process.arch }) : `podwright ${version}`;
      process.stdout.write(`${text}\n`);
    });
}
