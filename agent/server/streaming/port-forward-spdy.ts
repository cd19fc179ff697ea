import type { Duplex } from 'node:stream';
import { untilAborted } from '../../until-aborted.ts';
import { endOf } from './command-run.ts';
import { portOf, type StreamPair, StreamPairs } from './port-forward-pairs.ts';
import { type DialPort, forward } from './port-forward-run.ts';
import { SpdyConnection } from './spdy/connection.ts';
import type { StreamingLimits } from './types.ts';

export const portForwardProtocol = 'portforward.k8s.io';

/** Streams open at the same time; two for each forwarded connection. */
const maxStreams = 4_000;

/**
 * Forwards what the client opens pairs of streams for, until it closes (kubelet
 * `pkg/cri/streaming/portforward/httpstream.go`). A pair that fails does not end the others.
 */
export async function forwardOverSpdy(
  transport: Duplex,
  head: Buffer,
  dial: DialPort,
  limits: StreamingLimits,
): Promise<void> {
  const pairs = new StreamPairs(limits.creationTimeoutMs);
  const running = new Set<Promise<void>>();
  const connection = new SpdyConnection(transport, head, {
    accepts: (headers) => portOf(headers) !== undefined,
    onStream: (stream) => {
      const pair = pairs.add(stream);
      if (pair === undefined) return;
      const done = forwardPair(pair, dial, connection.closed).finally(() => running.delete(done));
      running.add(done);
    },
    maxStreams,
    idleTimeoutMs: limits.idleTimeoutMs,
  });
  await untilAborted(connection.closed);
  await Promise.all(running);
}

/** A client reads the error stream to its end, and takes any text in it for a failure. */
async function forwardPair({ data, error }: StreamPair, dial: DialPort, closed: AbortSignal): Promise<void> {
  error.ignoreInput();
  const failure = await forward(data, portOf(data.headers) ?? 0, dial, closed);
  await endOf(error, failure);
  if (failure !== undefined) {
    data.destroy();
    error.destroy();
  }
}
