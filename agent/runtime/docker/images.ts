import type { ImageAuth, ImageStatus } from '../types.ts';
import type { DockerClient, ImageInspection } from './client.ts';
import { isNotFound, toRuntimeError } from './errors.ts';
import { jsonLines } from './json-lines.ts';

const toStatus = (image: ImageInspection): ImageStatus => ({
  id: image.Id,
  tags: image.RepoTags ?? [],
  digests: image.RepoDigests ?? [],
  size: image.Size,
});

export async function imageStatus(
  client: DockerClient,
  image: string,
  signal: AbortSignal,
): Promise<ImageStatus | undefined> {
  try {
    return toStatus(await client.inspectImage(image, signal));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Pulls an image and returns what was pulled. The registry's error is the rejection's message. */
export async function pullImage(
  client: DockerClient,
  image: string,
  auth: ImageAuth | undefined,
  signal: AbortSignal,
): Promise<ImageStatus> {
  await finish(`pull image ${image}`, await client.pullImage(image, auth, signal), signal);
  return toStatus(await client.inspectImage(image, signal));
}

export async function loadImage(client: DockerClient, archive: Uint8Array, signal: AbortSignal): Promise<void> {
  await finish('load image', await client.loadImage(archive, signal), signal);
}

/** Reads a progress stream to its end; Docker reports a failure after the 200 as a message with `error`. */
async function finish(what: string, stream: NodeJS.ReadableStream, signal: AbortSignal): Promise<void> {
  try {
    for await (const message of jsonLines(stream)) {
      if (typeof message === 'object' && message !== null && 'error' in message) throw new Error(String(message.error));
    }
  } catch (error) {
    throw toRuntimeError(what, error, signal);
  }
}
