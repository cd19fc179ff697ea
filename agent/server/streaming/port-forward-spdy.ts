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

/**
 * A client takes any text in the error stream for a failure. It ends with the answer and not with the question: kubectl waits
 * for its end before it closes what it was asked through, which is what ends the question of many a client.
 */
async function forwardPair({ data, error }: StreamPair, dial: DialPort, closed: AbortSignal): Promise<void> {
  error.ignoreInput();
  data.once('finish', () => error.end());
  const failure = await forward(data, portOf(data.headers) ?? 0, dial, closed);
  if (failure === undefined || error.writableEnded) return endOf(error);
  await endOf(error, failure);
  data.destroy();
  error.destroy();
}
