import { connect } from 'node:net';
import { describeNetworkError, joinHostPort } from './render.ts';
import type { Check, CheckContext, Outcome } from './types.ts';
import { within } from './within.ts';

/** Success when a connection can be opened; nothing is sent (`pkg/probe/tcp/tcp.go`). */
export async function probeTcp(
  { host, port }: Extract<Check, { type: 'tcp' }>,
  { timeoutMs, signal }: CheckContext,
): Promise<Outcome> {
  const late = `dial tcp ${joinHostPort(host, port)}: i/o timeout`;
  return within<Outcome>(
    timeoutMs,
    signal,
    () => ({ result: 'failure', message: late }),
    (done) => {
      const socket = connect({ host, port });
      socket.once('connect', () => done({ result: 'success' }));
      // Stays for the life of the socket: an error after the end must not bring the daemon down.
      socket.on('error', (error) => done({ result: 'failure', message: describeNetworkError(error, host, port) }));
      return () => socket.destroy();
    },
  );
}
