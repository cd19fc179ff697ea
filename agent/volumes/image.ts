import { mkdir, realpath, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '../../cni/index.ts';
import type { Exec } from '../../cni/index.ts';
import { ImageError } from '../images/errors.ts';
import type { Pod, Volume } from '../objects/types.ts';
import type { ImageStatus } from '../runtime/types.ts';
import { makeDirectory } from './make-directory.ts';
import { mountsWithin, readMounts } from './mountinfo.ts';
import { imageLayersDir, imageVolumePath, podsDir } from './paths.ts';
import type { PreparedVolume } from './prepare.ts';

/*
 * The files of an image as a volume (KEP-4639): its layers, laid over each other, for reading only.
 *
 * The mount's source is the ID of the image. So the table of mounts tells which images must stay, and a daemon that starts
 * anew needs no record of them. The layers are named by links, because the kernel takes no more than a page of options.
 */

type ImageSource = NonNullable<Volume['image']>;

/** Where image volumes get their images. */
export interface VolumeImages {
  /**
   * Has the image on the host, by its pull policy.
   *
   * @throws ImageError for the waiting state of the containers that mount the volume
   */
  ensure(pod: Pod, source: ImageSource, signal: AbortSignal): Promise<ImageStatus>;
  /**
   * Directories of an image's layers on the host, the top one first.
   *
   * @throws Error where the runtime does not keep its layers so
   */
  layers(imageId: string, signal: AbortSignal): Promise<readonly string[]>;
}

/**
 * Mounts the files of an image. It is looked up once, when the pod starts: what is mounted stays until the pod is gone. An
 * image that cannot be had keeps only those containers from starting that mount it, as the kubelet does
 * (`kuberuntime_manager.go`, toKubeContainerImageVolumes).
 */
export async function prepareImage(
  name: string,
  source: ImageSource,
  pod: Pod,
  podDir: string,
  { exec, images }: { readonly exec: Exec; readonly images?: VolumeImages },
  signal: AbortSignal,
): Promise<PreparedVolume> {
  const path = imageVolumePath(podDir, name);
  const prepared = { hostPath: path, readOnly: true };
  await makeDirectory(dirname(path), 0o750);
  const target = join(await realpath(dirname(path)), basename(path));
  if ((await readMounts()).some(({ mountPoint }) => mountPoint === target)) return prepared;
  if (images === undefined) throw new Error('no runtime to get images from');
  try {
    const { id } = await images.ensure(pod, source, signal);
    const layers = await layersOf(images, id, pod, name, signal);
    await makeDirectory(target, 0o750);
    await mountLayers({ id, layers, links: imageLayersDir(podDir, name), target }, exec, signal);
    return prepared;
  } catch (error) {
    if (error instanceof ImageError) return { ...prepared, problem: error };
    throw error;
  }
}

async function layersOf(
  images: VolumeImages,
  id: string,
  pod: Pod,
  name: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    return await images.layers(id, signal);
  } catch (cause) {
    signal.throwIfAborted();
    const index = pod.spec.volumes.findIndex((volume) => volume.name === name);
    throw new Error(`spec.volumes[${index}].image: ${messageOf(cause)}`, { cause });
  }
}

interface LayersMount {
  /** Of the image. */
  readonly id: string;
  readonly layers: readonly string[];
  /** A directory for the links to the layers. */
  readonly links: string;
  readonly target: string;
}

/** The kernel lays no single directory over nothing, so an empty one is at the bottom of all. */
async function mountLayers({ id, layers, links, target }: LayersMount, exec: Exec, signal: AbortSignal): Promise<void> {
  await rm(links, { recursive: true, force: true });
  await makeDirectory(links, 0o750);
  for (const [index, layer] of layers.entries()) await symlink(layer, join(links, String(index)));
  await mkdir(join(links, String(layers.length)), 0o755);
  const lower = Array.from({ length: layers.length + 1 }, (_, index) => index).join(':');
  const mount = ['mount', '-t', 'overlay', '-o', `ro,nosuid,nodev,noexec,lowerdir=${lower}`, id, target];
  await exec({ file: 'env', args: [`--chdir=${links}`, ...mount] }, signal);
}

/** IDs of the images that are mounted as volumes of pods: to remove one would take their files away from its pods. */
export async function mountedImages(rootDir: string): Promise<ReadonlySet<string>> {
  const pods = await realpath(podsDir(rootDir)).catch(() => undefined);
  if (pods === undefined) return new Set();
  const mounts = mountsWithin(await readMounts(), pods).filter(({ fsType }) => fsType === 'overlay');
  return new Set(mounts.map(({ source }) => source));
}
