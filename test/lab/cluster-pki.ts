import 'reflect-metadata'; // needed by @peculiar/x509
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type JsonGeneralName,
} from '@peculiar/x509';
import { createHash, generateKeyPairSync, webcrypto } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

/** A certificate and its key, both PEM. */
export interface Credentials {
  readonly certificate: string;
  readonly key: string;
}

/** The files of a control plane's /etc/kubernetes/pki, by kubeadm's names. */
export interface PkiFiles {
  readonly directory: string;
  readonly caFile: string;
  readonly caKeyFile: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
}

export interface Pki extends PkiFiles {
  /** The CA's certificate, PEM. */
  readonly ca: string;
  /** `sha256:` and the hash of the CA's public key (SubjectPublicKeyInfo), as `--discovery-token-ca-cert-hash` takes it. */
  readonly caCertHash: string;
  /** A client certificate, signed by the CA, valid for a day unless told otherwise. */
  client(user: string, groups?: readonly string[], validMs?: number): Promise<Credentials>;
  /** A serving certificate for DNS names and addresses. */
  server(name: string, hosts: readonly string[]): Promise<Credentials>;
  /** Writes `<name>.crt` and `<name>.key`, and returns their paths. */
  save(name: string, credentials: Credentials): readonly [certificateFile: string, keyFile: string];
}

type KeyPair = Awaited<ReturnType<typeof newKeyPair>>;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 24 * 60 * 60 * 1000;

/** Makes a CA and a key pair for service account tokens in `directory`. */
export async function createPki(directory: string): Promise<Pki> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const files = pkiFiles(directory);
  const keys = await newKeyPair();
  const ca = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=kubernetes',
    keys,
    ...validity(10 * dayMs),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  writeFileSync(files.caFile, ca.toString('pem'));
  writeFileSync(files.caKeyFile, await privatePem(keys), { mode: 0o600 });
  writeServiceAccountKeys(files);
  const issue = async (subject: Subject): Promise<Credentials> => issueCertificate(keys, ca.subject, subject);
  return {
    ...files,
    ca: ca.toString('pem'),
    caCertHash: `sha256:${createHash('sha256').update(Buffer.from(ca.publicKey.rawData)).digest('hex')}`,
    client: async (user, groups = [], validMs = dayMs) =>
      issue({ user, groups, validMs, usage: ExtendedKeyUsage.clientAuth }),
    server: async (name, hosts) =>
      issue({ user: name, groups: [], validMs: dayMs, usage: ExtendedKeyUsage.serverAuth, hosts }),
    save: (name, { certificate, key }) => {
      const paths = [join(directory, `${name}.crt`), join(directory, `${name}.key`)] as const;
      writeFileSync(paths[0], certificate);
      writeFileSync(paths[1], key, { mode: 0o600 });
      return paths;
    },
  };
}

interface Subject {
  readonly user: string;
  readonly groups: readonly string[];
  readonly validMs: number;
  readonly usage: ExtendedKeyUsage;
  readonly hosts?: readonly string[];
}

async function issueCertificate(authority: KeyPair, issuer: string, subject: Subject): Promise<Credentials> {
  const keys = await newKeyPair();
  const { user, groups, usage, hosts = [] } = subject;
  const certificate = await X509CertificateGenerator.create({
    subject: [...groups.map((group) => ({ O: [group] })), { CN: [user] }],
    issuer,
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    ...validity(subject.validMs),
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
      new ExtendedKeyUsageExtension([usage]),
      ...(hosts.length > 0 ? [new SubjectAlternativeNameExtension(hosts.map(generalName))] : []),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await privatePem(keys) };
}

function pkiFiles(directory: string): PkiFiles {
  return {
    directory,
    caFile: join(directory, 'ca.crt'),
    caKeyFile: join(directory, 'ca.key'),
    serviceAccountKey: join(directory, 'sa.key'),
    serviceAccountPublicKey: join(directory, 'sa.pub'),
  };
}

function writeServiceAccountKeys({ serviceAccountKey, serviceAccountPublicKey }: PkiFiles): void {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(serviceAccountKey, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  writeFileSync(serviceAccountPublicKey, publicKey.export({ type: 'spki', format: 'pem' }));
}

/** From a minute ago: the control plane refuses a certificate that is not valid yet. */
function validity(validMs: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + validMs) };
}

function generalName(host: string): JsonGeneralName {
  return { type: isIP(host) === 0 ? 'dns' : 'ip', value: host };
}

async function newKeyPair() {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function privatePem({ privateKey }: KeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
