import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { bitString, contextConstructed, type Der, integer, objectIdentifier, pem, sequence, setOf } from '../der.ts';
import { alternativeNames, type DistinguishedName, encodeName, oids } from '../x509.ts';

/** Whom a certificate is asked for. */
export interface CertificateSubject extends DistinguishedName {
  /** Names and addresses of a server. */
  readonly hosts?: readonly string[];
}

export interface RequestedCertificate {
  /** PKCS#8 PEM. */
  readonly privateKey: string;
  /** PKCS#10 PEM. */
  readonly request: string;
}

/** A new ECDSA P-256 key, and a request for a certificate for it. */
export function requestCertificate(subject: CertificateSubject): RequestedCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    request: pem('CERTIFICATE REQUEST', certificateRequest(subject, publicKey, privateKey)),
  };
}

/** PKCS#10 (RFC 2986), signed with ECDSA and SHA-256. */
function certificateRequest(subject: CertificateSubject, publicKey: KeyObject, privateKey: KeyObject): Der {
  const info = sequence(
    integer(0n),
    encodeName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    contextConstructed(0, attributesOf(subject)),
  );
  const algorithm = sequence(objectIdentifier(oids.ecdsaWithSha256));
  return sequence(info, algorithm, bitString(sign('sha256', info, privateKey)));
}

function attributesOf({ hosts = [] }: CertificateSubject): Der {
  const extensions = alternativeNames(hosts);
  if (extensions.length === 0) return Buffer.alloc(0);
  return sequence(objectIdentifier(oids.extensionRequest), setOf(sequence(...extensions)));
}
