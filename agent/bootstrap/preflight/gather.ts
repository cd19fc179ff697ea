import { access, readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { gather as gatherHost } from '../../cli/check/gather.ts';
import { planChecks } from '../../cli/check/plan.ts';
import type { Config } from '../../config/index.ts';
import type { HttpsGet } from '../https-get.ts';
import { unreachable } from '../reachability.ts';
import type { JoinSettings } from '../settings.ts';
import type { PreflightFacts, ServerFact } from './facts.ts';

export const kubeletPort = 10250;

/** Looks at this host and at the server; changes nothing. */
export async function gatherPreflight(
  settings: JoinSettings,
  config: Config,
  get: HttpsGet,
  signal: AbortSignal,
): Promise<PreflightFacts> {
  const { paths, nodeName, discovery } = settings;
  const [host, portTaken, kubelets, files, names, server] = await Promise.all([
    gatherHost(config, signal),
    isTaken(kubeletPort),
    findKubelets(),
    existing([paths.kubeconfig, paths.bootstrapKubeconfig, paths.certificateAuthority]),
    readdir(paths.manifests).catch(() => []),
    discovery.by === 'token' ? askServer(discovery.endpoint, get, signal) : undefined,
  ]);
  return {
    uid: process.getuid?.() ?? 0,
    nodeName,
    host: planChecks(host),
    portTaken,
    kubelets,
    files,
    manifests: { path: paths.manifests, names: names.filter((name) => !name.startsWith('.')) },
    server,
  };
}

/** Any answer will do: this only says whether there is a way to the server, and how late it is there. */
async function askServer(endpoint: string, get: HttpsGet, signal: AbortSignal): Promise<ServerFact> {
  const url = `https://${endpoint}/version`;
  try {
    const { date } = await get(url, 'anybody', signal);
    return { reached: true, skewMs: date === undefined ? undefined : date - Date.now() };
  } catch (error) {
    signal.throwIfAborted();
    const { message, advice } = unreachable(url, error);
    return { reached: false, problem: message, advice };
  }
}

export async function isTaken(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    server.listen(port, () => server.close(() => resolve(false)));
  });
}

export async function findKubelets(): Promise<readonly number[]> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const names = await Promise.all(ids.map(async (id) => readFile(`/proc/${id}/comm`, 'utf8').catch(() => '')));
  return ids.filter((_, index) => names[index]?.trim() === 'kubelet').map(Number);
}

async function existing(paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    paths.map(async (path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_, index) => found[index]);
}
