import { X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ApiConnection, parseKubeconfig } from '../api/index.ts';
import { readPair, storePair } from './certificate-store.ts';
import { certificateLife } from './rotation-plan.ts';

export interface KeptCertificateOptions {
  readonly kubeconfig: string;
  /** The link to certificate and key in use. */
  readonly current: string;
  /** `system:node:<name>`: certificates of others are left alone. */
  readonly commonName: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * A kubeconfig may hold the node's certificate itself, as the one that `kubeadm init` writes. That certificate is then kept in
 * `current`, where it is renewed, and the one there is used as long as it lasts longer than the kubeconfig's and is not refused
 * (client-go, `util/certificate/certificate_manager.go`, `getCurrentCertificateOrBootstrap`).
 *
 * @param connection by the kubeconfig
 */
export async function withKeptCertificate(
  connection: ApiConnection,
  refused: boolean,
  options: KeptCertificateOptions,
): Promise<ApiConnection> {
  const { certificate, key } = connection;
  const { current, commonName, now } = options;
  if (certificate === undefined || key === undefined || !isCertificateOf(certificate, commonName)) return connection;
  if (!(await holdsCertificate(options.kubeconfig))) return connection;
  const kept = await readPair(current);
  if (kept !== undefined && isCertificateOf(kept, commonName) && endOf(kept) >= endOf(certificate)) {
    return refused ? connection : { ...connection, certificate: kept, key: kept };
  }
  await mkdir(dirname(current), { recursive: true });
  await storePair(current, 'kubelet-client', { certificate, privateKey: key }, new Date(now()));
  return connection;
}

/** Whether a kubeconfig has the client's certificate in it, and not in a file that it names. */
export async function holdsCertificate(kubeconfig: string): Promise<boolean> {
  const { certificate } = parseKubeconfig(kubeconfig, await readFile(kubeconfig, 'utf8')).user;
  return certificate !== undefined && 'text' in certificate.source;
}

/** Whether it is a certificate in PEM with that common name. */
export function isCertificateOf(pem: string, commonName: string): boolean {
  try {
    return new X509Certificate(pem).subject.split('\n').includes(`CN=${commonName}`);
  } catch {
    return false;
  }
}

const endOf = (pem: string): number => certificateLife(pem)?.until ?? 0;
