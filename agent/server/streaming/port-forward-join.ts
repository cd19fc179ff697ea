import { type Duplex, finished } from 'node:stream';

/**
 * Carries bytes both ways until both ends have ended: an end in one direction is passed on as a half-close, a failure of one
 * side destroys the other. Resolves when it is over, with the error of `target` if it had one; both are destroyed then.
 *
 * @param target must allow half-open (`allowHalfOpen`), or the client's end cuts off the answer
 */
export async function join(client: Duplex, target: Duplex): Promise<Error | undefined> {
  let failure: Error | undefined;
  target.on('error', (error: Error) => (failure ??= error));
  client.on('error', () => undefined);
  client.pipe(target);
  target.pipe(client);
  await Promise.all([over(client, target), over(target, client)]);
  return failure;
}

async function over(stream: Duplex, other: Duplex): Promise<void> {
  await new Promise<void>((resolve) => {
    finished(stream, (error) => {
      if (error !== undefined && error !== null) other.destroy();
      stream.destroy();
      resolve();
    });
  });
}
