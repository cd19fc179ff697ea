import { Command, Option } from 'commander';
import { exitCodeOf } from './failure.ts';
import { defaultSocketPath, fetchEvents, fetchStatus, type StatusDocument } from './local-client.ts';
import { renderPod } from './status/describe-render.ts';
import { findPod, problemsOfPod } from './status/find-pod.ts';
import { renderStatus } from './status/render.ts';

interface StatusOptions {
  readonly namespace?: string;
  readonly output?: 'json' | 'yaml' | 'wide';
  readonly socket: string;
}

/** `podwright status`: what runs here, and why something does not. */
export function command(): Command {
  return new Command('status')
    .description('show the node, its pods and what is wrong, or one pod in detail')
    .argument('[pod]', 'name of a pod, with or without the node at its end')
    .option('-n, --namespace <namespace>', 'namespace of the pod')
    .addOption(new Option('-o, --output <format>', 'another form of output').choices(['json', 'yaml', 'wide']))
    .option('--socket <path>', "the daemon's socket", defaultSocketPath)
    .action(async (pod: string | undefined, options: StatusOptions) => {
      process.exitCode = await exitCodeOf('podwright status', () => status(pod, options));
    });
}

async function status(name: string | undefined, options: StatusOptions): Promise<number> {
  const document = await fetchStatus(options.socket);
  process.stdout.write(name === undefined ? await showAll(document, options) : await showPod(document, name, options));
  return 0;
}

async function showAll(document: StatusDocument, { output }: StatusOptions): Promise<string> {
  if (output === 'json' || output === 'yaml') return serialise(document, output);
  return renderStatus(document, Date.now(), output === 'wide');
}

async function showPod(document: StatusDocument, name: string, options: StatusOptions): Promise<string> {
  const report = findPod(document, name, options.namespace);
  if (options.output === 'json' || options.output === 'yaml') return serialise(report.pod, options.output);
  const events = await fetchEvents(options.socket, { uid: report.pod.metadata.uid });
  return renderPod(report, problemsOfPod(document.problems, report), events, Date.now());
}

async function serialise(value: object, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, undefined, 2)}\n`;
  const { stringify } = await import('yaml');
  return stringify(value, { version: '1.1', aliasDuplicateObjects: false });
}
