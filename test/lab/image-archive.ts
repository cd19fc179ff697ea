import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { busyboxLayer, sha256 } from './images.ts';

/** An image made of files of this machine. */
export interface FileImage {
  /** `repository:tag` */
  readonly name: string;
  /** Upon busybox with all its applets. */
  readonly shell?: boolean;
  readonly files: readonly ImageFile[];
  /** The container configuration of the OCI image spec. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface ImageFile {
  /** Absolute path in the image. */
  readonly path: string;
  readonly source: { readonly file: string } | { readonly text: string } | { readonly link: string };
  /** Default: that of the file, 0644 for a text. */
  readonly mode?: number;
}

/** Writes a `docker load` archive (Docker Image Specification v1.2). */
export function writeImageArchive(path: string, images: readonly FileImage[]): void {
  const stage = mkdtempSync(join(tmpdir(), 'podwright-images-'));
  try {
    if (images.some(({ shell }) => shell)) writeFileSync(join(stage, 'busybox.tar'), busyboxLayer());
    const manifest = images.map((image, index) => addImage(stage, `image-${index}`, image));
    writeFileSync(join(stage, 'manifest.json'), JSON.stringify(manifest));
    execFileSync('tar', ['-C', stage, '--exclude=./root-*', '-cf', path, '.']);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** @returns the image's entry in `manifest.json` */
function addImage(stage: string, id: string, { name, files, shell = false, config }: FileImage): object {
  const root = join(stage, `root-${id}`);
  mkdirSync(root);
  for (const file of files) addFile(root, file);
  execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '-cf', join(stage, `${id}.tar`), '.']);
  rmSync(root, { recursive: true });
  const layers = [...(shell ? ['busybox.tar'] : []), `${id}.tar`];
  const description = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], ...config },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${digestOf(join(stage, layer))}`) },
  };
  writeFileSync(join(stage, `${id}.json`), JSON.stringify(description));
  return { Config: `${id}.json`, RepoTags: [name], Layers: layers };
}

function addFile(root: string, { path, source, mode }: ImageFile): void {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  if ('link' in source) return symlinkSync(source.link, target);
  if ('file' in source) copyFileSync(source.file, target);
  else writeFileSync(target, source.text);
  if (mode !== undefined) chmodSync(target, mode);
}

const digestOf = (path: string): string => sha256(readFileSync(path));

/** A program with the dynamic loader and libraries that it is linked with. */
export function programFiles(program: string, path: string): readonly ImageFile[] {
  return [
    { path, source: { file: program } },
    ...linkedWith(program).map((file) => ({ path: file, source: { file } })),
  ];
}

/** By absolute path; none of a program that is linked statically, of which ldd says so by its exit code. */
function linkedWith(program: string): readonly string[] {
  try {
    const text = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...text.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, file]) => file ?? '');
  } catch {
    return [];
  }
}
