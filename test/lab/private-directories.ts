import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HostNames } from './names.ts';
import { namespacePath } from './names.ts';

/*
 * Programs such as kubeadm know their directories by heart. A host that is to have them for itself gets a mount namespace, in
 * which each parent is a tmpfs of links to what the machine has there, and of the host's own directories:
 *
 *     /etc             tmpfs
 *     /etc/passwd      -> <dir>/machine/etc/passwd
 *     /etc/kubernetes  <dir>/private/etc/kubernetes, bound
 */
const script = `set -eu
dir=$1
shift
for path; do
  parent=\${path%/*}
  machine=$dir/machine$parent
  if [ ! -d "$machine" ]; then
    mkdir -p "$machine"
    mount --rbind "$parent" "$machine"
    mount -t tmpfs -o mode=755 tmpfs "$parent"
    find "$machine" -mindepth 1 -maxdepth 1 -exec ln -s -t "$parent" {} +
  fi
  rm -f "$path"
  mkdir "$path"
  mount --bind "$dir/private$path" "$path"
done
echo ready
exec sleep infinity
`;

/** Where a private directory is seen from outside of the host. */
export function privatePath(dir: string, path: string): string {
  return join(dir, 'private', path);
}

/**
 * Gives a host directories of its own in the places of the machine's, which need not be there.
 *
 * @returns the mount namespace's path; it goes with the host's processes
 */
export async function createPrivateDirectories({ dir, netns }: HostNames, paths: readonly string[]): Promise<string> {
  for (const path of paths) mkdirSync(privatePath(dir, path), { recursive: true });
  const args = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', dir, ...paths];
  const holder = spawn('nsenter', [`--net=${namespacePath(netns)}`, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // Ctrl-C ends the tests first; the lab then ends the host
  });
  let complaint = '';
  holder.stderr.on('data', (data) => (complaint += String(data)));
  const failed = once(holder, 'exit').then(() => {
    throw new Error(`cannot make the private directories of ${netns}: ${complaint}`);
  });
  failed.catch(() => undefined);
  await Promise.race([once(holder.stdout, 'data'), failed]);
  holder.stdout.destroy();
  holder.stderr.destroy();
  holder.unref();
  return `/proc/${holder.pid ?? 0}/ns/mnt`;
}
