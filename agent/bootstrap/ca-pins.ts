import { createHash, X509Certificate } from 'node:crypto';
import { JoinError } from './error.ts';

const format = /^sha256:([0-9a-f]{64})$/i;

/**
 * Hashes that a cluster's CA must have one of, as lower-case hex.
 *
 * @param texts `sha256:<64 hex digits>` each
 * @throws JoinError
 */
export function parseCaPins(texts: readonly string[]): ReadonlySet<string> {
  return new Set(
    texts.map((text) => {
      const hex = format.exec(text)?.[1];
      if (hex !== undefined) return hex.toLowerCase();
      throw new JoinError(
        `the CA hash ${JSON.stringify(text)} must be sha256: and 64 hexadecimal digits`,
        'kubeadm token create --print-join-command prints it on a control-plane node',
      );
    }),
  );
}

/** SHA-256 of a certificate's SubjectPublicKeyInfo (`cmd/kubeadm/app/util/pubkeypin`; RFC 7469 section 2.4), as hex. */
export function publicKeyHash(certificate: X509Certificate): string {
  const der = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex');
}

/**
 * The certificates in a PEM text, in their order.
 *
 * @throws JoinError when there is none, or one cannot be read
 */
export function parseCertificates(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new JoinError('the CA of the cluster holds no certificate');
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new JoinError(`the CA of the cluster cannot be read: ${(cause as Error).message}`, undefined, { cause });
    }
  });
}

/**
 * Any of the certificates must have a pinned key, as kubeadm has it (`Set.CheckAny`).
 *
 * @param pem CA of the cluster
 * @throws JoinError
 */
export function checkCaPins(pem: string, pins: ReadonlySet<string>): void {
  const found = parseCertificates(pem).map(publicKeyHash);
  if (found.some((hash) => pins.has(hash))) return;
  throw new JoinError(
    `the cluster's CA has the hash ${found.map((hash) => `sha256:${hash}`).join(', ')}, which is not the expected one`,
    'check --discovery-token-ca-cert-hash; if it is right, somebody else answers at this address: do not join',
  );
}
