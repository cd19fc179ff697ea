import type { ServiceImpl } from '@connectrpc/connect';
import type { AuthConfig, ImageService } from '../../cri/api_pb.js';
import type { ImageAuth } from '../../runtime/types.ts';
import { nanoseconds, toImage } from './render.ts';
import type { CriDeps } from './runtime-service.ts';

/** CRI's `ImageService` on the images of the runtime. */
export function createImageService({
  client,
  runtime,
}: Pick<CriDeps, 'client' | 'runtime'>): Partial<ServiceImpl<typeof ImageService>> {
  return {
    listImages: async ({ filter }, { signal }) => {
      const asked = filter?.image?.image ?? '';
      if (asked === '') return { images: (await runtime.listImages(signal)).map(toImage) };
      const image = await runtime.imageStatus(asked, signal);
      return { images: image === undefined ? [] : [toImage(image)] };
    },
    imageStatus: async ({ image }, { signal }) => {
      const status = await runtime.imageStatus(image?.image ?? '', signal);
      return status === undefined ? {} : { image: toImage(status) };
    },
    pullImage: async ({ image, auth }, { signal }) => {
      const { id } = await runtime.pullImage(image?.image ?? '', signal, toAuth(auth));
      return { imageRef: id };
    },
    removeImage: async ({ image }, { signal }) => {
      const status = await runtime.imageStatus(image?.image ?? '', signal);
      if (status !== undefined) await runtime.removeImage(status.id, signal);
      return {};
    },
    // Clients ask for it to see whether anybody answers. Layers that images share count for each of them.
    imageFsInfo: async (_, { signal }) => {
      const [{ DockerRootDir: mountpoint }, images] = await Promise.all([
        client.info(signal),
        runtime.listImages(signal),
      ]);
      const usedBytes = { value: images.reduce((sum, { size = 0 }) => sum + BigInt(size), 0n) };
      return { imageFilesystems: [{ timestamp: nanoseconds(Date.now()), fsId: { mountpoint }, usedBytes }] };
    },
  };
}

function toAuth(given: AuthConfig | undefined): ImageAuth | undefined {
  if (given === undefined) return undefined;
  const [username = '', ...rest] = Buffer.from(given.auth, 'base64').toString().split(':');
  return {
    username: given.username || username,
    password: given.password || rest.join(':'),
    ...(given.identityToken === '' ? {} : { identityToken: given.identityToken }),
    ...(given.registryToken === '' ? {} : { registryToken: given.registryToken }),
  };
}
