import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** What is on disk of a certificate and its key, both PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface Expectation {
  /** PEM of the authority that must have signed it. */
  readonly authority: string;
  readonly hosts: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Why a certificate cannot serve as it is; undefined when it can. */
export function findFault({ certificate, key }: Pair, { authority, hosts, now }: Expectation): string | undefined {
  const parsed = parseCertificate(certificate);
  if (parsed === undefined) return 'it is no certificate';
  const issuer = new X509Certificate(authority);
  if (!parsed.checkIssued(issuer) || !parsed.verify(issuer.publicKey)) return 'another authority has signed it';
  if (Date.parse(parsed.validTo) <= now) return `it ended at ${parsed.validTo}`;
  if (!matchesKey(parsed, key)) return 'its key is another';
  const missing = hosts.find((host) => !namesHost(parsed, host));
  return missing === undefined ? undefined : `it is not for ${missing}`;
}

export function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function matchesKey(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

const namesHost = (certificate: X509Certificate, host: string): boolean =>
  (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
