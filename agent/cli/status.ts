import { Command, Option } from 'commander';
import type { PodReport } from '../server/local/state.ts';
import {
  DaemonUnreachableError,
  defaultSocketPath,
  fetchEvents,
  fetchStatus,
  type StatusDocument,
} from './local-client.ts';
import { renderPod } from './status/describe-render.ts';
import { findPod } from './status/find-pod.ts';
import { renderStatus } from './status/render.ts';

interface StatusOptions {
  readonly namespace?: string;
  readonly output?: 'json' | 'yaml';
  readonly socket: string;
}

/** `podwright status`: what runs here, and why something does not. */
export function command(): Command {
  return new Command('status')
    .description('show the node, its pods and what is wrong, or one pod in detail')
    .argument('[pod]', 'name of a pod, with or without the node at its end')
    .option('-n, --namespace <namespace>', 'namespace of the pod')
    .addOption(new Option('-o, --output <format>', 'machine-readable output').choices(['json', 'yaml']))
    .option('--socket <path>', "the daemon's socket", defaultSocketPath)
    .action(async (pod: string | undefined, options: StatusOptions) => {
      process.exitCode = await status(pod, options);
    });
}

async function status(name: string | undefined, options: StatusOptions): Promise<number> {
  try {
    const document = await fetchStatus(options.socket);
    process.stdout.write(
      name === undefined ? await showAll(document, options) : await showPod(document, name, options),
    );
    return 0;
  } catch (error) {
    if (!(error instanceof DaemonUnreachableError) && !(error instanceof RangeError)) throw error;
    process.stderr.write(`podwright status: ${error.message}\n`);
    return 1;
  }
}

async function showAll(document: StatusDocument, { output }: StatusOptions): Promise<string> {
  return output === undefined ? renderStatus(document, Date.now()) : serialise(document, output);
}

async function showPod(document: StatusDocument, name: string, options: StatusOptions): Promise<string> {
  const report: PodReport = findPod(document.pods, name, options.namespace, document.node.name);
  if (options.output !== undefined) return serialise(report.pod, options.output);
  return renderPod(report, await fetchEvents(options.socket, report.pod.metadata.uid), Date.now());
}

async function serialise(value: object, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, undefined, 2)}\n`;
  const { stringify } = await import('yaml');
  return stringify(value, { version: '1.1', aliasDuplicateObjects: false });
}
