import { Argument, Command } from 'commander';
import { type CommandShape, renderCompletion } from './completion/render.ts';
import { createProgram } from './program.ts';

/** `podwright completion`: what a shell needs to complete podwright's command lines. */
export function command(): Command {
  return new Command('completion')
    .description('print a completion script: source <(podwright completion bash)')
    .addArgument(new Argument('<shell>', 'of which shell').choices(['bash', 'zsh']))
    .action(async (shell: 'bash' | 'zsh') => {
      process.stdout.write(renderCompletion(shell, shapeOf(await createProgram(undefined))));
    });
}

/** @internal what the man page is made from too */
export function shapeOf(of: Command): CommandShape {
  return {
    name: of.name(),
    description: of.description(),
    flags: [...of.options.filter(({ hidden }) => !hidden).map(({ long, short }) => long ?? short ?? ''), '--help'],
    commands: of.commands.map(shapeOf),
  };
}
