import { Command, Option } from 'commander';
import { createInterface } from 'node:readline';
import type { CoreEvent } from '../events/types.ts';
import { createEventTable, type EventColumns, renderEvents } from './events/render.ts';
import { isAbout, parseFor } from './events/selection-plan.ts';
import { exitCodeOf } from './failure.ts';
import {
  DaemonError,
  defaultSocketPath,
  eventsPath,
  fetchEvents,
  fetchStatus,
  isCutOff,
  openStream,
} from './local-client.ts';
import { findPod } from './status/find-pod.ts';

interface EventsOptions {
  readonly for?: string;
  readonly namespace?: string;
  readonly watch?: true;
  readonly output?: 'json' | 'wide';
  readonly socket: string;
}

/** `podwright events`: what has happened to pods within the last hour. */
export function command(): Command {
  return new Command('events')
    .description('show what has happened within the last hour')
    .option('--for <pod/name>', 'only what has happened to one pod, named with or without the node at its end')
    .option('-n, --namespace <namespace>', 'only what has happened in one namespace')
    .option('-w, --watch', 'go on with what happens')
    .addOption(new Option('-o, --output <format>', 'another form of output').choices(['json', 'wide']))
    .option('--socket <path>', "the daemon's socket", defaultSocketPath)
    .action(async (options: EventsOptions) => {
      process.exitCode = await exitCodeOf('podwright events', () => events(options));
    });
}

type Wanted = (event: CoreEvent) => boolean;

async function events(options: EventsOptions): Promise<number> {
  const wanted = await selection(options);
  if (options.watch === true) await watch(options, wanted);
  else process.stdout.write(await list(options, wanted));
  return 0;
}

/** A pod that is gone may have events, so that a name is wrong only when neither is there. */
async function selection({ for: about, namespace, socket, watch: isWatch }: EventsOptions): Promise<Wanted> {
  if (about === undefined) return () => true;
  const object = parseFor(about);
  const document = await fetchStatus(socket);
  const wanted: Wanted = (event) => isAbout(event, object, document.node.name);
  const known = (await fetchEvents(socket, namespaceOf(namespace))).some(wanted);
  if (!known && isWatch !== true && object.kind === 'Pod') findPod(document, object.name, namespace);
  return wanted;
}

const namespaceOf = (namespace: string | undefined): { readonly namespace?: string } =>
  namespace === undefined ? {} : { namespace };

const columnsOf = ({ namespace, for: about, output }: EventsOptions): EventColumns => ({
  namespace: namespace === undefined && about === undefined,
  wide: output === 'wide',
});

async function list(options: EventsOptions, wanted: Wanted): Promise<string> {
  const items = (await fetchEvents(options.socket, namespaceOf(options.namespace))).filter(wanted);
  if (options.output !== 'json') return renderEvents(items, columnsOf(options), Date.now());
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', metadata: {}, items }, undefined, 2)}\n`;
}

async function watch(options: EventsOptions, wanted: Wanted): Promise<void> {
  const path = `${eventsPath(namespaceOf(options.namespace))}?watch=true`;
  const table = createEventTable(columnsOf(options));
  const render = (event: CoreEvent): string =>
    options.output === 'json' ? `${JSON.stringify(event)}\n` : table(event, Date.now());
  try {
    for await (const line of createInterface({ input: await openStream(options.socket, path) })) {
      const { object } = JSON.parse(line) as { readonly object: CoreEvent };
      if (wanted(object) && !process.stdout.write(render(object))) await drained();
    }
  } catch (error) {
    if (!isCutOff(error)) throw error;
  }
  throw new DaemonError('the watch broke off: podwright has stopped, or its reader could not keep up');
}

const drained = (): Promise<unknown> => new Promise((resolve) => process.stdout.once('drain', resolve));
