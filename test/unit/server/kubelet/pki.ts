import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

const dayMs = 86_400_000;

export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly cert: string;
  issue(subject: string, change?: { readonly notAfter?: Date; readonly usage?: string }): Promise<Credentials>;
}

let serial = 1;
const nextSerial = (): string => (serial++).toString(16).padStart(2, '0');

export async function createAuthority(name: string): Promise<Authority> {
  const keys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: nextSerial(),
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  return {
    cert: ca.toString('pem'),
    issue: async (subject, { notAfter = new Date(Date.now() + dayMs), usage = '1.3.6.1.5.5.7.3.2' } = {}) => {
      const own = await newKeys();
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: nextSerial(),
        subject,
        issuer: ca.subject,
        notBefore: new Date(Date.now() - dayMs),
        notAfter,
        signingAlgorithm: algorithm,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: [new x509.ExtendedKeyUsageExtension([usage])],
      });
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
      return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
    },
  };
}
