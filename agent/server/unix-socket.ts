import { once } from 'node:events';
import { lstat, mkdir, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';

/** Longest path that fits `sockaddr_un`; a longer one is cut by the kernel and bound elsewhere. */
const maxSocketPath = 107;

/**
 * Has a server listen on a socket that only its owner can open. What a process that was killed has left there is removed.
 *
 * @param flag the one that names the path, for messages: `--socket`
 * @throws when the path is too long, cannot be made, is no socket, or another process answers on it
 */
export async function listenOnSocket(server: Server, path: string, flag: string): Promise<void> {
  if (Buffer.byteLength(path) > maxSocketPath) {
    throw new Error(`socket path ${path} is longer than ${maxSocketPath} bytes: choose another with ${flag}`);
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await removeStale(path, flag);
  await listen(server, path);
}

/** Removes the socket of a daemon that was killed, and nothing else that may be there by a mistake in the flag. */
async function removeStale(socketPath: string, flag: string): Promise<void> {
  const stats = await lstat(socketPath).catch(() => undefined);
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new Error(`${socketPath} is there and no socket: name another path with ${flag}`);
  if (await answers(socketPath)) throw new Error(`another process answers on ${socketPath}`);
  await rm(socketPath, { force: true });
}

async function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Binds with a mask that lets nobody else in, not even between `bind` and a `chmod`: Node binds within `listen`. */
async function listen(server: Server, socketPath: string): Promise<void> {
  const listening = once(server, 'listening');
  const mask = process.umask(0o177);
  server.listen(socketPath);
  process.umask(mask);
  try {
    await listening;
  } catch (error) {
    throw new Error(`cannot listen on ${socketPath}`, { cause: error });
  }
}
