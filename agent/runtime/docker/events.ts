import type { RuntimeEvent } from '../types.ts';
import { RuntimeUnavailableError } from '../types.ts';
import type { DockerClient, DockerEvent } from './api.ts';
import { toRuntimeError } from './errors.ts';
import { jsonLines } from './json-lines.ts';
import { label } from './labels.ts';

const kinds: Readonly<Record<string, RuntimeEvent['kind']>> = {
  start: 'started',
  die: 'stopped',
  destroy: 'removed',
  oom: 'oom',
};

const filters = { type: ['container'], event: Object.keys(kinds), label: [label.podUid] };

/** The runtime event in a line of Docker's stream; undefined for what does not concern a pod. */
export function decodeEvent(line: unknown): RuntimeEvent | undefined {
  const event = line as Partial<DockerEvent> | null;
  const kind = kinds[event?.Action ?? ''];
  const podUid = event?.Actor?.Attributes?.[label.podUid];
  if (kind === undefined || podUid === undefined || event?.Actor === undefined) return undefined;
  return { podUid, containerId: event.Actor.ID, kind };
}

/**
 * Calls `onEvent` for every change of a pod's container until `signal` is aborted. Rejects when the stream ends: what
 * happened meanwhile is lost, and the caller must list again after reconnecting.
 */
export async function watchEvents(
  client: DockerClient,
  onEvent: (event: RuntimeEvent) => void,
  onOpen: () => void,
  signal: AbortSignal,
): Promise<void> {
  const stream = await client.events(filters, signal);
  onOpen();
  try {
    for await (const line of jsonLines(stream)) {
      const event = decodeEvent(line);
      if (event !== undefined) onEvent(event);
    }
  } catch (error) {
    throw toRuntimeError('docker events', error, signal);
  }
  signal.throwIfAborted();
  throw new RuntimeUnavailableError('Docker ended its event stream: the daemon stopped or restarts');
}
