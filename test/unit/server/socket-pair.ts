import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Both ends of a connection over a unix socket, as the local API has them. */
export async function socketPair(): Promise<{ readonly ours: Socket; readonly theirs: Socket }> {
  const directory = await mkdtemp(join(tmpdir(), 'podwright-pair-'));
  const path = join(directory, 's');
  const server = createServer({ allowHalfOpen: true }).listen(path);
  await once(server, 'listening');
  const ours = connect(path);
  const [theirs] = (await once(server, 'connection')) as [Socket];
  server.close();
  await rm(directory, { recursive: true });
  for (const end of [ours, theirs]) end.on('error', () => undefined);
  return { ours, theirs };
}
