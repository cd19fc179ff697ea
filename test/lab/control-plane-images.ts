import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ClusterPrograms } from './cluster-programs.ts';

/** Images of a control plane, made of the programs of the lab's clusters. */
export const controlPlaneRepository = 'podwright-test';
export const controlPlaneVersion = 'v1.20.2';

interface ProgramImage {
  readonly name: string;
  readonly program: string;
  /** Files of this machine that the program needs. */
  readonly libraries: readonly string[];
}

/** Writes a `docker load` archive with an image for each program: nothing but the program, and what it is linked with. */
export function writeControlPlaneArchive(path: string, programs: ClusterPrograms): void {
  const stage = mkdtempSync(join(tmpdir(), 'podwright-images-'));
  try {
    const core = (name: string, program: string): ProgramImage => ({
      ...{ name: `${controlPlaneRepository}/${name}:${controlPlaneVersion}`, program, libraries: [] },
    });
    const images: readonly ProgramImage[] = [
      core('kube-apiserver', programs.apiServer),
      core('kube-controller-manager', programs.controllerManager),
      core('kube-scheduler', programs.scheduler),
      { name: `${controlPlaneRepository}/etcd:3.4.13-0`, program: programs.etcd, libraries: linkedWith(programs.etcd) },
    ];
    const manifest = images.map((image, index) => addImage(stage, `image-${index}`, image));
    writeFileSync(join(stage, 'manifest.json'), JSON.stringify(manifest));
    execFileSync('tar', ['-C', stage, '--exclude=./root-*', '-cf', path, '.']);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** @returns the image's entry in `manifest.json` (Docker Image Specification v1.2) */
function addImage(stage: string, id: string, { name, program, libraries }: ProgramImage): object {
  const root = join(stage, `root-${id}`);
  const binary = /([^/:]+):/.exec(name)?.[1] ?? '';
  for (const [from, to] of [
    [program, `/usr/local/bin/${binary}`] as const,
    ...libraries.map((file) => [file, file] as const),
  ]) {
    mkdirSync(join(root, dirname(to)), { recursive: true });
    copyFileSync(from, join(root, to));
  }
  execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '-cf', join(stage, `${id}.tar`), '.']);
  rmSync(root, { recursive: true });
  const digest = createHash('sha256')
    .update(readFileSync(join(stage, `${id}.tar`)))
    .digest('hex');
  const config = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/usr/local/bin'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  };
  writeFileSync(join(stage, `${id}.json`), JSON.stringify(config));
  return { Config: `${id}.json`, RepoTags: [name], Layers: [`${id}.tar`] };
}

/** The dynamic loader and libraries of a program, by absolute path. */
function linkedWith(program: string): readonly string[] {
  const text = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...text.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, file]) => file ?? '');
}
