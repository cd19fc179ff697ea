import type { Duplex } from 'node:stream';
import { messageOf } from '../../../cni/index.ts';
import { join } from './port-forward-join.ts';

/**
 * Opens a connection to a port of the pod. It must allow half-open (`allowHalfOpen: true`). A rejection's message is told
 * to the client.
 *
 * @param signal aborted when the client no longer wants it
 */
export type DialPort = (port: number, signal: AbortSignal) => Promise<Duplex>;

/**
 * Forwards one connection. Resolves when it is over, to the text of what failed, if anything did; `data` is ended when all
 * went well and left to the caller otherwise.
 */
export async function forward(
  data: Duplex,
  port: number,
  dial: DialPort,
  closed: AbortSignal,
): Promise<string | undefined> {
  try {
    const target = await dialFor(data, port, dial, closed);
    const failure = await join(data, target);
    return failure === undefined ? undefined : failed(port, failure);
  } catch (error) {
    return failed(port, error);
  }
}

const failed = (port: number, error: unknown): string => `error forwarding port ${port}: ${messageOf(error)}`;

/** Dials until the client resets the stream or goes. */
async function dialFor(data: Duplex, port: number, dial: DialPort, closed: AbortSignal): Promise<Duplex> {
  const unwanted = new AbortController();
  const abort = (): void => unwanted.abort(new Error('the client has gone'));
  data.once('close', abort);
  closed.addEventListener('abort', abort, { once: true });
  if (data.destroyed || closed.aborted) abort();
  try {
    unwanted.signal.throwIfAborted();
    const target = await dial(port, unwanted.signal);
    target.on('error', () => undefined);
    if (!unwanted.signal.aborted) return target;
    target.destroy();
    throw unwanted.signal.reason;
  } finally {
    data.off('close', abort);
    closed.removeEventListener('abort', abort);
  }
}
