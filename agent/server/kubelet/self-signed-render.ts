import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  addressBytes,
  bitString,
  boolean,
  contextConstructed,
  contextPrimitive,
  type Der,
  generalizedTime,
  integer,
  objectIdentifier,
  octetString,
  pem,
  sequence,
  setOf,
  utf8String,
} from '../../der.ts';

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

const oids = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  basicConstraints: '2.5.29.19',
  subjectAltName: '2.5.29.17',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

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
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const key = createPrivateKey(privateKey);
  const algorithm = sequence(objectIdentifier(oids.ecdsaWithSha256));
  const name = nameOf(`${hosts[0] ?? 'localhost'}@${Math.floor(now / 1000)}`);
  const toBeSigned = sequence(
    contextConstructed(0, integer(2n)),
    integer(BigInt(`0x${randomBytes(15).toString('hex')}`)),
    algorithm,
    name,
    sequence(generalizedTime(new Date(now - hourMs)), generalizedTime(new Date(now + yearMs))),
    name,
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    contextConstructed(3, extensions(hosts)),
  );
  const signature = sign('sha256', toBeSigned, key);
  return { cert: pem('CERTIFICATE', sequence(toBeSigned, algorithm, bitString(signature))), key: privateKey };
}

const nameOf = (text: string): Der => sequence(setOf(sequence(objectIdentifier(oids.commonName), utf8String(text))));

function extensions(hosts: readonly string[]): Der {
  // digitalSignature is bit 0 of the usages.
  const usage = extension(oids.keyUsage, bitString(Buffer.of(0x80), 7), true);
  const constraints = extension(oids.basicConstraints, sequence(), true);
  const extended = extension(oids.extendedKeyUsage, sequence(objectIdentifier(oids.serverAuth)), false);
  const names = extension(oids.subjectAltName, sequence(...hosts.map(generalName)), false);
  return sequence(usage, constraints, extended, ...(hosts.length === 0 ? [] : [names]));
}

function extension(oid: string, value: Der, isCritical: boolean): Der {
  return sequence(objectIdentifier(oid), ...(isCritical ? [boolean(true)] : []), octetString(value));
}

/** `dNSName` or `iPAddress`. */
function generalName(host: string): Der {
  return isIP(host) === 0 ? contextPrimitive(2, Buffer.from(host, 'ascii')) : contextPrimitive(7, addressBytes(host));
}
