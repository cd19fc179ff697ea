import { Command } from 'commander';
import type * as commandsModule from '../control-plane/tokens/command.ts';
import type { TokenFlags } from '../control-plane/tokens/command.ts';
import { runWithSignals, sayLine } from './control-plane-run.ts';

const defaultKubeconfig = '/etc/kubernetes/admin.conf';

/** `podwright token`: bootstrap tokens, with which nodes join, as with `kubeadm token`. */
export function command(): Command {
  const token = new Command('token').description('tokens with which nodes join the cluster, as kubeadm token');
  const add = (subcommand: Command): Command => {
    token.addCommand(subcommand.option('--kubeconfig <file>', 'credentials of an administrator', defaultKubeconfig));
    return subcommand;
  };
  add(new Command('create').description('make a token, and print it'))
    .argument('[token]', 'as abcdef.0123456789abcdef (default: a new one)')
    .option('--ttl <duration>', 'how long it is good; 0 for ever', '24h')
    .option('--description <text>', 'what it is for, for people')
    .option('--groups <names>', 'groups of those who use it, comma-separated')
    .option('--usages <names>', 'signing and authentication, comma-separated')
    .option('--print-join-command', 'print the whole command that makes a host a node')
    .action(async (text: string | undefined, flags: TokenFlags) => {
      await run('create', async (commands, signal) => commands.createToken(text, flags, sayLine, signal));
    });
  add(new Command('list').description('the tokens that there are')).action(async (flags: TokenFlags) => {
    await run('list', async (commands, signal) => commands.listAll(flags, sayLine, signal));
  });
  add(new Command('delete').description('delete tokens'))
    .argument('<token...>', 'a token, or its first six characters')
    .action(async (texts: readonly string[], flags: TokenFlags) => {
      await run('delete', async (commands, signal) => commands.deleteTokens(texts, flags, sayLine, signal));
    });
  token.addCommand(
    new Command('generate').description('print a new token, without a cluster').action(async () => {
      await run('generate', (commands) => Promise.resolve(commands.generateToken(sayLine)));
    }),
  );
  return token;
}

type TokenCommands = typeof commandsModule;

async function run(name: string, call: (commands: TokenCommands, signal: AbortSignal) => Promise<void>): Promise<void> {
  process.exitCode = await runWithSignals(`podwright token ${name}`, async (signal) => {
    await call(await import('../control-plane/tokens/command.ts'), signal);
  });
}
