import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import {
  addressBytes,
  bitString,
  boolean,
  certificateTime,
  contextConstructed,
  contextPrimitive,
  type Der,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  pem,
  printableString,
  sequence,
  setOf,
  utf8String,
} from './der.ts';
import { readDer, readFirst } from './der-read.ts';

/** The parts of a distinguished name that Kubernetes looks at: a user and its groups. */
export interface DistinguishedName {
  readonly organizations?: readonly string[];
  readonly commonName: string;
}

export interface CertificateContent {
  readonly subject: DistinguishedName;
  /** Names and addresses of a server. */
  readonly hosts?: readonly string[];
  readonly usages: readonly ('serverAuth' | 'clientAuth')[];
  /** Whether it may sign others. */
  readonly isAuthority?: boolean;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
}

/** Who signs: a certificate that is an authority, and its key, both PEM. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

export const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  extensionRequest: '1.2.840.113549.1.9.14',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/**
 * A certificate (RFC 5280) for a private key, as PEM.
 *
 * @param privateKey PEM of the subject's key; RSA or an elliptic curve
 * @param authority left out: it is signed by its own key
 */
export function issueCertificate(content: CertificateContent, privateKey: string, authority?: Authority): string {
  const subject = encodeName(content.subject);
  const key = createPrivateKey(authority?.key ?? privateKey);
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const issuer = authority === undefined ? { name: subject, keyId: keyIdentifier(spki) } : issuerOf(authority);
  const algorithm = signatureAlgorithm(key);
  const toBeSigned = sequence(
    contextConstructed(0, integer(2n)),
    integer(BigInt(`0x${randomBytes(15).toString('hex')}`)),
    algorithm,
    issuer.name,
    sequence(certificateTime(new Date(content.from)), certificateTime(new Date(content.until))),
    subject,
    spki,
    contextConstructed(3, extensions(content, keyIdentifier(spki), issuer.keyId)),
  );
  return pem('CERTIFICATE', sequence(toBeSigned, algorithm, bitString(sign('sha256', toBeSigned, key))));
}

function signatureAlgorithm({ asymmetricKeyType }: KeyObject): Der {
  if (asymmetricKeyType === 'rsa') return sequence(objectIdentifier(oids.sha256WithRsa), nullValue());
  if (asymmetricKeyType === 'ec') return sequence(objectIdentifier(oids.ecdsaWithSha256));
  throw new Error(`a key of type ${asymmetricKeyType ?? 'unknown'} cannot sign certificates: it must be RSA or EC`);
}

/** The groups are one set, as Go writes them, in the order of their encodings. */
export function encodeName({ organizations = [], commonName }: DistinguishedName): Der {
  const attribute = (oid: string, text: string): Der => sequence(objectIdentifier(oid), directoryString(text));
  return sequence(
    ...(organizations.length === 0 ? [] : [setOf(...organizations.map((name) => attribute(oids.organization, name)))]),
    setOf(attribute(oids.commonName, commonName)),
  );
}

const directoryString = (text: string): Der =>
  /^[A-Za-z0-9 '()+,./:=?-]*$/.test(text) ? printableString(text) : utf8String(text);

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the key's bits. */
function keyIdentifier(spki: Buffer): Buffer {
  const [, key] = readDer(readFirst(spki).content);
  return createHash('sha1')
    .update(key?.content.subarray(1) ?? spki)
    .digest();
}

interface Issuer {
  /** Its subject, byte for byte: verifiers compare the encodings. */
  readonly name: Der;
  /** What its certificate says its key goes by; undefined when it does not. */
  readonly keyId: Buffer | undefined;
}

const versionTag = 0xa0;
const extensionsTag = 0xa3;

function issuerOf({ certificate }: Authority): Issuer {
  const [toBeSigned] = readDer(readFirst(new X509Certificate(certificate).raw).content);
  const all = readDer(toBeSigned?.content ?? Buffer.alloc(0));
  const fields = all[0]?.tag === versionTag ? all.slice(1) : all;
  const [, , , , subject] = fields;
  if (subject === undefined) throw new Error('the certificate of the authority cannot be read');
  const list = fields.find(({ tag }) => tag === extensionsTag);
  return { name: subject.whole, keyId: list === undefined ? undefined : subjectKeyIdentifier(list.content) };
}

function subjectKeyIdentifier(extensionList: Buffer): Buffer | undefined {
  const oid = objectIdentifier(oids.subjectKeyIdentifier);
  const found = readDer(readFirst(extensionList).content)
    .map(({ content }) => readDer(content))
    .find(([id]) => id?.whole.equals(oid));
  const value = found?.at(-1);
  return value === undefined ? undefined : readFirst(value.content).content;
}

const usageBits = { digitalSignature: 0x80, keyEncipherment: 0x20, keyCertSign: 0x04 } as const;

function extensions(content: CertificateContent, ownId: Buffer, issuerId: Buffer | undefined): Der {
  const { hosts = [], usages, isAuthority = false } = content;
  const purposes = sequence(...usages.map((usage) => objectIdentifier(oids[usage])));
  return sequence(
    extension(oids.keyUsage, keyUsage(isAuthority), true),
    ...(usages.length === 0 ? [] : [extension(oids.extendedKeyUsage, purposes)]),
    extension(oids.basicConstraints, isAuthority ? sequence(boolean(true)) : sequence(), true),
    ...(isAuthority ? [extension(oids.subjectKeyIdentifier, octetString(ownId))] : []),
    ...(issuerId === undefined || isAuthority
      ? []
      : [extension(oids.authorityKeyIdentifier, sequence(contextPrimitive(0, issuerId)))]),
    ...alternativeNames(hosts),
  );
}

function keyUsage(isAuthority: boolean): Der {
  const { digitalSignature, keyEncipherment, keyCertSign } = usageBits;
  const common = digitalSignature | keyEncipherment;
  return isAuthority ? bitString(Buffer.of(common | keyCertSign), 2) : bitString(Buffer.of(common), 5);
}

function extension(oid: string, value: Der, isCritical = false): Der {
  return sequence(objectIdentifier(oid), ...(isCritical ? [boolean(true)] : []), octetString(value));
}

/** The extension that names a server (RFC 5280, 4.2.1.6); none without hosts. */
export function alternativeNames(hosts: readonly string[]): readonly Der[] {
  return hosts.length === 0 ? [] : [extension(oids.subjectAltName, sequence(...hosts.map(generalName)))];
}

/** `dNSName` or `iPAddress`. */
function generalName(host: string): Der {
  return isIP(host) === 0 ? contextPrimitive(2, Buffer.from(host, 'ascii')) : contextPrimitive(7, addressBytes(host));
}
