import { X509Certificate } from 'node:crypto';

/** What a node wants to be known by in a certificate for servers; empty in one for clients. */
export interface CertificateNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** Milliseconds since the epoch. */
export interface CertificateLife {
  readonly from: number;
  readonly until: number;
}

/** Undefined for what is no certificate. */
export function certificateLife(pem: string): CertificateLife | undefined {
  const certificate = parse(pem);
  return certificate === undefined
    ? undefined
    : { from: Date.parse(certificate.validFrom), until: Date.parse(certificate.validTo) };
}

/**
 * When a certificate is to be replaced: after 70 to 90 % of its life, so that the nodes of a cluster do not come all at once
 * (client-go, `util/certificate/certificate_manager.go`, `nextRotationDeadline`).
 *
 * @param random from 0 to below 1
 */
export function rotationTime({ from, until }: CertificateLife, random: number): number {
  return from + (until - from) * (0.7 + 0.2 * random);
}

/** Whether a certificate has each of the names; it may have others besides. */
export function hasNames(pem: string, { dnsNames, ipAddresses }: CertificateNames): boolean {
  const certificate = parse(pem);
  if (certificate === undefined) return false;
  const hasHost = (name: string): boolean => certificate.checkHost(name, { subject: 'never' }) !== undefined;
  return dnsNames.every(hasHost) && ipAddresses.every((address) => certificate.checkIP(address) !== undefined);
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

export interface RotationFacts {
  /** Certificate in use; undefined without one. */
  readonly pem: string | undefined;
  readonly names: CertificateNames;
  /** See {@link rotationTime}; of the certificate in use. */
  readonly dueAt: number;
  readonly now: number;
  /** Whether a certificate that has ended can still be replaced: not when it is what the server knows the node by. */
  readonly outlivesEnd: boolean;
}

export type RotationDecision =
  | { readonly action: 'rotate' }
  /** Look again at `at`. */
  | { readonly action: 'wait'; readonly at: number }
  /** Only a new join helps. */
  | { readonly action: 'ended'; readonly since: number };

/** What to do about a certificate now. Without any, one that is not needed to ask for another is asked for. */
export function planRotation({ pem, names, dueAt, now, outlivesEnd }: RotationFacts): RotationDecision {
  const life = pem === undefined ? undefined : certificateLife(pem);
  if (pem === undefined || life === undefined) {
    return outlivesEnd ? { action: 'rotate' } : { action: 'ended', since: now };
  }
  if (!outlivesEnd && now >= life.until) return { action: 'ended', since: life.until };
  if (now >= dueAt || !hasNames(pem, names)) return { action: 'rotate' };
  return { action: 'wait', at: dueAt };
}
