import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  bitString,
  contextConstructed,
  contextPrimitive,
  type Der,
  integer,
  objectIdentifier,
  octetString,
  pem,
  printableString,
  sequence,
  setOf,
  utf8String,
} from '../der.ts';

const identifiers = {
  organization: '2.5.4.10',
  commonName: '2.5.4.3',
  extensionRequest: '1.2.840.113549.1.9.14',
  subjectAltName: '2.5.29.17',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

/** Whom a certificate is asked for. */
export interface CertificateSubject {
  readonly organization: string;
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
  /** As bytes in network order, 4 or 16. */
  readonly ipAddresses?: readonly Uint8Array[];
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
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    contextConstructed(0, attributesOf(subject)),
  );
  const algorithm = sequence(objectIdentifier(identifiers.ecdsaWithSha256));
  return sequence(info, algorithm, bitString(sign('sha256', info, privateKey)));
}

function nameOf({ organization, commonName }: CertificateSubject): Der {
  const part = (identifier: string, value: Der): Der => setOf(sequence(objectIdentifier(identifier), value));
  return sequence(
    part(identifiers.organization, printableString(organization)),
    part(identifiers.commonName, utf8String(commonName)),
  );
}

function attributesOf({ dnsNames = [], ipAddresses = [] }: CertificateSubject): Der {
  const names = [
    ...dnsNames.map((name) => contextPrimitive(2, Buffer.from(name, 'ascii'))),
    ...ipAddresses.map((address) => contextPrimitive(7, address)),
  ];
  if (names.length === 0) return Buffer.alloc(0);
  const alternatives = sequence(objectIdentifier(identifiers.subjectAltName), octetString(sequence(...names)));
  return sequence(objectIdentifier(identifiers.extensionRequest), setOf(sequence(alternatives)));
}
