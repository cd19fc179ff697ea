import { join } from 'node:path';
import { readIfThere } from '../../../cni/index.ts';
import { certificateFile, keyFile } from '../pki/make.ts';
import { authorities, type AuthorityName } from '../pki/plan.ts';
import { readPair } from '../pki/kubeconfigs.ts';
import { parseCertificate } from '../pki/verdict.ts';

/** Where a certificate of the control plane is, and who signs it. */
export interface CertificatePlace {
  /** kubeadm's name: `apiserver`, `admin.conf`. */
  readonly name: string;
  readonly authority: AuthorityName;
  /** The file of the certificate, or the kubeconfig that holds it. */
  readonly path: string;
  /** The file of its key; undefined where a kubeconfig holds both. */
  readonly keyPath: string | undefined;
  /** What to restart when it is another. */
  readonly users: string;
}

export interface PkiPlaces {
  readonly kubernetesDir: string;
  readonly certificatesDir: string;
}

/** In the order of `kubeadm certs check-expiration`: by name. */
export function certificatePlaces({ kubernetesDir, certificatesDir }: PkiPlaces): readonly CertificatePlace[] {
  const pair = (name: string, authority: AuthorityName, file = name): CertificatePlace => ({
    ...{ name, authority, path: certificateFile(certificatesDir, file), keyPath: keyFile(certificatesDir, file) },
    users: authority === 'etcd-ca' && name !== 'apiserver-etcd-client' ? 'etcd' : 'kube-apiserver',
  });
  const kubeconfig = (name: string, users: string): CertificatePlace => ({
    ...{ name, authority: 'ca', path: join(kubernetesDir, name), keyPath: undefined, users },
  });
  return [
    kubeconfig('admin.conf', ''),
    pair('apiserver', 'ca'),
    pair('apiserver-etcd-client', 'etcd-ca'),
    pair('apiserver-kubelet-client', 'ca'),
    kubeconfig('controller-manager.conf', 'kube-controller-manager'),
    pair('etcd-healthcheck-client', 'etcd-ca', 'etcd/healthcheck-client'),
    pair('etcd-peer', 'etcd-ca', 'etcd/peer'),
    pair('etcd-server', 'etcd-ca', 'etcd/server'),
    pair('front-proxy-client', 'front-proxy-ca'),
    kubeconfig('scheduler.conf', 'kube-scheduler'),
    kubeconfig('super-admin.conf', ''),
  ];
}

/** A certificate of the control plane as it is on disk. */
export interface FoundCertificate {
  readonly place: CertificatePlace;
  /** PEM; undefined when there is none. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export async function readCertificate(place: CertificatePlace): Promise<FoundCertificate> {
  const { path, keyPath } = place;
  const text = await readIfThere(path);
  if (keyPath !== undefined) {
    return { place, certificate: parsed(text), key: await readIfThere(keyPath) };
  }
  const pair = text === undefined ? undefined : readPair(path, text);
  return { place, certificate: parsed(pair?.certificate), key: pair?.key };
}

const parsed = (pem: string | undefined): string | undefined =>
  pem === undefined || parseCertificate(pem) === undefined ? undefined : pem;

export interface FoundAuthority {
  readonly name: AuthorityName;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export async function readAuthority(name: AuthorityName, { certificatesDir }: PkiPlaces): Promise<FoundAuthority> {
  const { file } = authorities[name];
  const [certificate, key] = await Promise.all([
    readIfThere(certificateFile(certificatesDir, file)),
    readIfThere(keyFile(certificatesDir, file)),
  ]);
  return { name, certificate: parsed(certificate), key };
}
