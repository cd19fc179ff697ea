import type { ClusterPrograms } from './cluster-programs.ts';
import { type FileImage, programFiles, writeImageArchive } from './image-archive.ts';

/** Images of a control plane, made of the programs of the lab's clusters. */
export const controlPlaneRepository = 'podwright-test';
export const controlPlaneVersion = 'v1.20.2';

/** Writes a `docker load` archive with an image for each program: nothing but the program, and what it is linked with. */
export function writeControlPlaneArchive(path: string, programs: ClusterPrograms): void {
  const image = (name: string, version: string, program: string): FileImage => ({
    name: `${controlPlaneRepository}/${name}:${version}`,
    files: programFiles(program, `/usr/local/bin/${name}`),
  });
  writeImageArchive(path, [
    image('kube-apiserver', controlPlaneVersion, programs.apiServer),
    image('kube-controller-manager', controlPlaneVersion, programs.controllerManager),
    image('kube-scheduler', controlPlaneVersion, programs.scheduler),
    image('etcd', '3.4.13-0', programs.etcd),
  ]);
}
