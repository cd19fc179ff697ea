import type { ServerResponse } from 'node:http';
import type { CoreEvent, EventFilter } from '../../events/types.ts';
import type { NodeActions } from './actions.ts';

/** Bytes that wait for a client; one that is so far behind is cut off, and may watch anew. */
const maxBehindBytes = 4 * 1024 * 1024;

/**
 * Answers with events, a line of JSON each as in a watch of the Kubernetes API (`{"type":"ADDED","object":{…}}`): those that
 * there are, then each that happens, until `signal` is aborted.
 */
export async function streamEvents(
  events: NodeActions['events'],
  filter: EventFilter,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const write = (type: 'ADDED' | 'MODIFIED', object: CoreEvent): void => {
    response.write(`${JSON.stringify({ type, object })}\n`);
    if (response.writableLength > maxBehindBytes) response.destroy();
  };
  for (const event of events.list(filter)) write('ADDED', event);
  const unsubscribe = events.subscribe(filter, (event) => write(event.count === 1 ? 'ADDED' : 'MODIFIED', event));
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  unsubscribe();
  response.destroy();
}
