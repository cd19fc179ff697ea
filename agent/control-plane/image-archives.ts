import { createReadStream } from 'node:fs';
import { createDockerClient, loadImage } from '../runtime/docker/index.ts';

/** Reads of one archive of all images of a control plane take a while. */
const timeoutMs = 600_000;

/** `docker load` of each archive, for hosts that reach no registry. */
export async function loadArchives(
  archives: readonly string[],
  dockerHost: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const docker = createDockerClient(dockerHost, timeoutMs);
  for (const archive of archives) {
    say(`[preflight] Loading images from ${archive}`);
    await loadImage(docker, createReadStream(archive), signal);
  }
}
