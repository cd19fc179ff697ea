import { Command, Option } from 'commander';
import { exitCodeOf } from './failure.ts';
import { defaultSocketPath, fetchTrace } from './local-client.ts';
import { parseTarget } from './trace/target-plan.ts';
import { renderTrace } from './trace/render.ts';

interface TraceOptions {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly output?: 'json';
  readonly socket: string;
}

/** `podwright trace`: what the rules of Services would do with a packet, without sending it. */
export function command(): Command {
  return new Command('trace')
    .description('explain what the rules of Services would do with the first packet of a connection; none is sent')
    .argument('<source>', 'pod (namespace/name or name), address, or "node"')
    .argument(
      '<destination:port>',
      'Service (namespace/name, name.namespace or name), address ([..] for IPv6), or "node"',
    )
    .addOption(new Option('--protocol <protocol>', 'of the packet').choices(['tcp', 'udp', 'sctp']).default('tcp'))
    .addOption(new Option('-o, --output <format>', 'another form of output').choices(['json']))
    .option('--socket <path>', "the daemon's socket", defaultSocketPath)
    .action(async (source: string, destination: string, options: TraceOptions) => {
      process.exitCode = await exitCodeOf('podwright trace', () => trace(source, destination, options));
    });
}

async function trace(source: string, target: string, { protocol, output, socket }: TraceOptions): Promise<number> {
  const report = await fetchTrace(socket, { source, ...parseTarget(target), protocol });
  process.stdout.write(output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : renderTrace(report));
  return 0;
}
