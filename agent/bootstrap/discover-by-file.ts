import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { JoinError } from './error.ts';
import type { HttpsGet } from './https-get.ts';
import { type DiscoveryKubeconfig, parseDiscoveryKubeconfig } from './kubeconfig.ts';
import { unreachable } from './reachability.ts';

/**
 * Learns of the cluster from a kubeconfig (`cmd/kubeadm/app/discovery/{file,https}`). Files that one on this host names are
 * read; one from a server must hold all itself.
 *
 * @param place path, or `https://` address of a server with a certificate that the system trusts
 * @throws JoinError
 */
export async function discoverByFile(place: string, get: HttpsGet, signal: AbortSignal): Promise<DiscoveryKubeconfig> {
  if (/^https?:\/\//.test(place)) return parseDiscoveryKubeconfig(place, await download(place, get, signal));
  const directory = dirname(resolve(place));
  return parseDiscoveryKubeconfig(place, readText(place), (path) => readText(resolve(directory, path)));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new JoinError(`cannot read ${path}: ${(cause as Error).message}`, undefined, { cause });
  }
}

async function download(url: string, get: HttpsGet, signal: AbortSignal): Promise<string> {
  if (url.startsWith('http:')) throw new JoinError(`${url} must be https: whoever is on the way could change it`);
  try {
    const { status, body } = await get(url, 'system', signal);
    if (status === 200) return body;
    throw new JoinError(`${url} answered ${status}`);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof JoinError ? error : unreachable(url, error);
  }
}
