import { Command, Option } from 'commander';
import { exitCodeOf } from './failure.ts';
import { defaultSocketPath, fetchServices } from './local-client.ts';
import { renderServices } from './services/render.ts';

interface ServicesOptions {
  readonly namespace?: string;
  readonly output?: 'json' | 'wide';
  readonly socket: string;
}

/** `podwright services`: where Services can be reached, what answers for them, and why something does not. */
export function command(): Command {
  return new Command('services')
    .description('show Services with their addresses, ports and endpoints')
    .option('-n, --namespace <namespace>', 'only those of one namespace')
    .addOption(new Option('-o, --output <format>', 'another form of output').choices(['json', 'wide']))
    .option('--socket <path>', "the daemon's socket", defaultSocketPath)
    .action(async (options: ServicesOptions) => {
      process.exitCode = await exitCodeOf('podwright services', () => show(options));
    });
}

async function show({ namespace, output, socket }: ServicesOptions): Promise<number> {
  const report = await fetchServices(socket, output !== undefined);
  const isWanted = (of: string): boolean => namespace === undefined || namespace === of;
  const wanted = {
    ...report,
    services: report.services.filter(({ service }) => isWanted(service.metadata.namespace)),
    problems: report.problems.filter(({ object }) => isWanted(object?.split('/')[1] ?? namespace ?? '')),
  };
  const text =
    output === 'json' ? `${JSON.stringify(wanted, undefined, 2)}\n` : renderServices(wanted, output === 'wide');
  process.stdout.write(text);
  return 0;
}
