import { X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ApiConnection, KubeconfigConnection } from '../api/index.ts';
import { readPair, storePair } from './certificate-store.ts';
import { certificateLife } from './rotation-plan.ts';

export interface KeptCertificateOptions {
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
 */
export async function withKeptCertificate(
  connection: KubeconfigConnection,
  refused: boolean,
  options: KeptCertificateOptions,
): Promise<ApiConnection> {
  const { certificate, key } = connection;
  const { current, commonName, now } = options;
  if (!connection.embedsCertificate || certificate === undefined || key === undefined) return connection;
  if (!isCertificateOf(certificate, commonName)) return connection;
  const kept = await readPair(current);
  if (kept !== undefined && isCertificateOf(kept, commonName) && endOf(kept) >= endOf(certificate)) {
    return refused ? connection : { ...connection, certificate: kept, key: kept };
  }
  await mkdir(dirname(current), { recursive: true });
  await storePair(current, 'kubelet-client', { certificate, privateKey: key }, new Date(now()));
  return connection;
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
