import type Docker from 'dockerode';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import { tar } from '../../agent/images/pause/tar.ts';

/** An image made on the spot: Debian's busybox-static with all its applets, under any name and configuration. */
export interface TestImage {
  /** `repository:tag` */
  readonly name: string;
  /** The container configuration of the OCI image spec: `Entrypoint`, `Cmd`, `Env`, `User`, `WorkingDir`, … */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** What every test host has. */
export const testImages: readonly TestImage[] = [
  { name: 'podwright-test/busybox:1', config: { Cmd: ['sh'] } },
  { name: 'podwright-test/busybox:latest', config: { Cmd: ['sh'] } },
  {
    name: 'podwright-test/entrypoint:1',
    config: { Entrypoint: ['/bin/echo', 'entrypoint'], Cmd: ['command'], Env: ['FROM_IMAGE=yes'], WorkingDir: '/tmp' },
  },
  { name: 'podwright-test/nonroot:1', config: { Cmd: ['sh'], User: '1000:1000' } },
];

/** An image as the files that registries and archives hold. */
export interface ImageFiles {
  readonly config: Buffer;
  readonly layer: Buffer;
}

/** Loads images into a dockerd. */
export async function loadImages(docker: Docker, images: readonly TestImage[]): Promise<void> {
  await loadImageArchive(docker, imageArchive(images));
}

/** `docker load`. */
export async function loadImageArchive(docker: Docker, archive: Uint8Array): Promise<void> {
  const answer = await docker.loadImage(Readable.from([archive]));
  // Docker reports failures inside its answer, which has status 200.
  const text = await readText(answer);
  if (text.includes('"error"')) throw new Error(`cannot load images: ${text}`);
}

/** A `docker load` archive (Docker Image Specification v1.2) of images that share one layer. */
function imageArchive(images: readonly TestImage[]): Uint8Array {
  const files = images.map((image) => ({ image, config: imageFiles(image).config }));
  const manifest = files.map(({ image, config }) => ({
    Config: `${sha256(config)}.json`,
    RepoTags: [image.name],
    Layers: ['layer.tar'],
  }));
  const configs = new Map(files.map(({ config }) => [`${sha256(config)}.json`, config]));
  return tar([
    ...[...configs].map(([path, content]) => ({ path, mode: 0o644, content })),
    { path: 'layer.tar', mode: 0o644, content: busyboxLayer() },
    { path: 'manifest.json', mode: 0o644, content: Buffer.from(JSON.stringify(manifest)) },
  ]);
}

export function imageFiles({ config = {} }: TestImage): ImageFiles {
  const layer = busyboxLayer();
  const image = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { ...config, Env: ['PATH=/bin', ...((config['Env'] as readonly string[] | undefined) ?? [])] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
  };
  return { config: Buffer.from(JSON.stringify(image)), layer };
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

let layer: Buffer | undefined;

export function busyboxLayer(): Buffer {
  layer ??= makeLayer();
  return layer;
}

function makeLayer(): Buffer {
  const stage = mkdtempSync(join(tmpdir(), 'podwright-image-'));
  try {
    fillRoot(stage);
    const fixed = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
    return execFileSync('tar', [...fixed, '-C', stage, '-c', '.'], { maxBuffer: 64 * 1024 ** 2 });
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

function fillRoot(root: string): void {
  for (const directory of ['bin', 'etc', 'root', 'tmp', 'var']) mkdirSync(join(root, directory), { mode: 0o755 });
  chmodSync(root, 0o755);
  chmodSync(join(root, 'tmp'), 0o1777);
  const [program = '', list = ''] = busybox();
  copyFileSync(program, join(root, 'bin/busybox'));
  for (const applet of list.split('\n').filter((name) => name !== '' && name !== 'busybox')) {
    symlinkSync('busybox', join(root, 'bin', applet));
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/tmp:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\napp:x:1000:\n');
}

function busybox(): readonly string[] {
  for (const program of ['/usr/bin/busybox', '/bin/busybox']) {
    try {
      return [program, execFileSync(program, ['--list'], { encoding: 'utf8' })];
    } catch {
      // Not here: Debian has moved it from /bin to /usr/bin.
    }
  }
  throw new Error('busybox not found: install the package busybox-static, of which test images are made');
}
