import { isIPv6 } from 'node:net';
import type { Volume } from '../objects/types.ts';

/**
 * Arguments of mount(8) for an NFS volume (`pkg/volume/nfs/nfs.go`). An IPv6 address stands in brackets, or the colon
 * before the path could not be told from its own.
 *
 * @param mountOptions of a PersistentVolume, as they are written there
 */
export function renderNfsMount(
  { server, path, readOnly = false }: NonNullable<Volume['nfs']>,
  mountOptions: readonly string[],
  target: string,
): readonly string[] {
  const options = [...(readOnly ? ['ro'] : []), ...mountOptions.filter((option) => option !== '')];
  const host = isIPv6(server) ? `[${server}]` : server;
  return ['-t', 'nfs', ...(options.length === 0 ? [] : ['-o', options.join(',')]), `${host}:${path}`, target];
}
