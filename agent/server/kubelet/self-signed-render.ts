import { generateKeyPairSync } from 'node:crypto';
import { issueCertificate } from '../../x509.ts';

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

const hourMs = 3_600_000;
const yearMs = 365 * 24 * hourMs;

/**
 * A certificate for a server, signed by its own new key (RFC 5280), as the kubelet makes one where it is given none: the
 * clients that look no further than the connection's secrecy take it.
 *
 * @param hosts names and addresses, the first one is the name of the subject too
 * @param now milliseconds since the epoch; the certificate is good from an hour before, for a year
 */
export function renderSelfSigned(hosts: readonly string[], now: number): KeyPair {
  const { privateKey: key } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const subject = { commonName: `${hosts[0] ?? 'localhost'}@${Math.floor(now / 1000)}` };
  const content = { subject, hosts, usages: ['serverAuth'] as const, from: now - hourMs, until: now + yearMs };
  return { cert: issueCertificate(content, key), key };
}
