import type { Readable } from 'node:stream';
import type { AuthConfig } from 'dockerode';
import type { ImageAuth, ImageStatus, LayerProgress } from '../types.ts';
import type { DockerClient, ImageInspection, ImageListEntry } from './api.ts';
import { isNotFound, toRuntimeError } from './errors.ts';
import { jsonLines } from './json-lines.ts';
import { layerProgress } from './pull-progress.ts';

const toListed = (image: ImageListEntry): ImageStatus => ({
  id: image.Id,
  tags: (image.RepoTags ?? []).filter(isReference),
  digests: (image.RepoDigests ?? []).filter(isReference),
  size: image.Size,
});

const toStatus = (image: ImageInspection): ImageStatus => ({ ...toListed(image), user: image.Config?.User ?? '' });

/** A list shows what is missing of a reference as `<none>`. */
const isReference = (reference: string): boolean => !reference.includes('<none>');

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

export interface PullOptions {
  readonly auth: ImageAuth | undefined;
  readonly onLayer: ((layer: LayerProgress) => void) | undefined;
}

/** Pulls an image and returns what was pulled. The registry's error is the rejection's message. */
export async function pullImage(
  client: DockerClient,
  image: string,
  { auth, onLayer }: PullOptions,
  signal: AbortSignal,
): Promise<ImageStatus> {
  const stream = await client.pullImage(image, auth === undefined ? undefined : toAuthConfig(auth), signal);
  await finish(`pull image ${image}`, stream, signal, (message) => {
    const layer = layerProgress(message);
    if (layer !== undefined) onLayer?.(layer);
  });
  return toStatus(await client.inspectImage(image, signal));
}

/** The fields of the header `X-Registry-Auth`. */
function toAuthConfig({ username, password, identityToken, registryToken }: ImageAuth): AuthConfig {
  return {
    username,
    password,
    ...(identityToken === undefined ? {} : { identitytoken: identityToken }),
    ...(registryToken === undefined ? {} : { registrytoken: registryToken }),
  };
}

/** `docker load`. */
export async function loadImage(
  client: DockerClient,
  archive: Uint8Array | Readable,
  signal: AbortSignal,
): Promise<void> {
  await finish('load image', await client.loadImage(archive, signal), signal);
}

/** Reads a progress stream to its end; Docker reports a failure after the 200 as a message with `error`. */
async function finish(
  what: string,
  stream: NodeJS.ReadableStream,
  signal: AbortSignal,
  onMessage: (message: unknown) => void = () => undefined,
): Promise<void> {
  try {
    for await (const message of jsonLines(stream)) {
      if (typeof message === 'object' && message !== null && 'error' in message) throw new Error(String(message.error));
      onMessage(message);
    }
  } catch (error) {
    throw toRuntimeError(what, error, signal);
  }
}

export async function listImages(client: DockerClient, signal: AbortSignal): Promise<readonly ImageStatus[]> {
  return (await client.listImages(signal)).map(toListed);
}

/**
 * Removes an image with all its references. Docker removes an image by its ID only when it has one reference at most, so
 * each is removed by its name. Rejects while a container uses the image.
 */
export async function removeImage(client: DockerClient, id: string, signal: AbortSignal): Promise<void> {
  const image = await imageStatus(client, id, signal);
  if (image === undefined) return;
  const references = [...image.tags, ...image.digests];
  for (const reference of references.length === 0 ? [image.id] : references) {
    // With the last tag of a repository its digests go too.
    await client.removeImage(reference, signal).catch(ignoreNotFound);
  }
}

function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

/** Only overlay2 tells where its layers are: each is a directory with the files of this layer. */
export async function imageLayers(
  client: Pick<DockerClient, 'inspectImage'>,
  image: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { GraphDriver } = await client.inspectImage(image, signal);
  const { UpperDir, LowerDir } = GraphDriver?.Data ?? {};
  if (GraphDriver?.Name !== 'overlay2' || UpperDir === undefined) {
    const driver = GraphDriver?.Name ?? 'its image store';
    throw new Error(`needs Docker with the storage driver overlay2, this one has ${driver}`);
  }
  return [UpperDir, ...(LowerDir === undefined || LowerDir === '' ? [] : LowerDir.split(':'))];
}
