import type { HostPathMount } from '../settings.ts';
import { samePath } from './pod-render.ts';

/** What of the host decides on manifests. */
export interface HostFacts {
  /** Those of {@link caDirectories} that exist. */
  readonly caDirectories: readonly string[];
}

/** Where links in /etc/ssl/certs lead on some distributions (`cmd/kubeadm/app/phases/controlplane/volumes.go`). */
export const caDirectories: readonly string[] = [
  '/etc/pki/ca-trust',
  '/etc/pki/tls/certs',
  '/etc/ca-certificates',
  '/usr/share/ca-certificates',
  '/usr/local/share/ca-certificates',
];

/** The cluster's certificates, and those of the public authorities. */
export function pkiMounts(certificatesDir: string, { caDirectories: found }: HostFacts): readonly HostPathMount[] {
  return [
    samePath('ca-certs', '/etc/ssl/certs', 'DirectoryOrCreate', true),
    samePath('k8s-certs', certificatesDir, 'DirectoryOrCreate', true),
    ...found.map((path) => samePath(path.slice(1).replaceAll('/', '-'), path, 'DirectoryOrCreate', true)),
  ];
}
