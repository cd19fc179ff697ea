import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tar } from './tar.ts';

export type PauseArchitecture = 'amd64' | 'arm64';

/**
 * The pause programs, one an architecture. They are read at run time from the directory of the running module: in the
 * sources that is this one, in a bundle it is the bundle's. A build must copy these files beside its output file.
 */
export const pauseBinaries: Readonly<Record<PauseArchitecture, string>> = {
  amd64: 'pause-amd64',
  arm64: 'pause-arm64',
};

/** Name of the built-in sandbox image. Its tag is the version of pause.c, which outlives releases of podwright. */
export const builtInPauseImage = 'podwright/pause:1.0';

/**
 * The pause image for `architecture` as a Docker image archive, for `docker load`. The same input gives the same bytes,
 * and so the same image ID, on every host.
 *
 * @param name reference that the loaded image gets
 */
export async function pauseImageArchive(
  architecture: PauseArchitecture,
  name: string = builtInPauseImage,
): Promise<Uint8Array> {
  const program = await readFile(new URL(`./${pauseBinaries[architecture]}`, import.meta.url));
  return imageArchive({ architecture, name, program });
}

interface ImageParts {
  readonly architecture: PauseArchitecture;
  readonly name: string;
  readonly program: Uint8Array;
}

/**
 * The archive of an image that holds one program, `/pause`:
 *
 *     manifest.json      names the two files below and the tag
 *     <sha256>.json      image configuration; its digest is the image ID
 *     layer.tar          the only layer: pause, mode 0755
 *
 * The layout is that of the Docker Image Specification v1.2, which Docker (graph drivers and containerd store) and
 * `ctr images import` all read.
 */
function imageArchive({ architecture, name, program }: ImageParts): Uint8Array {
  const layer = tar([{ path: 'pause', mode: 0o755, content: program }]);
  const config = json({
    architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    // Neither root nor any user of the host: pause needs no rights, and the pod's containers must not gain them by it.
    config: { User: '65535:65535', Entrypoint: ['/pause'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const configName = `${sha256(config)}.json`;
  const manifest = json([{ Config: configName, RepoTags: [name], Layers: ['layer.tar'] }]);
  return tar([
    { path: configName, mode: 0o644, content: config },
    { path: 'layer.tar', mode: 0o644, content: layer },
    { path: 'manifest.json', mode: 0o644, content: manifest },
  ]);
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
