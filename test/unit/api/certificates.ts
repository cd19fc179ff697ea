import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface Identity {
  /** PEM. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
}

export interface Authority extends Identity {
  issue(
    commonName: string,
    options?: { readonly hosts?: readonly string[]; readonly ips?: readonly string[] },
  ): Promise<Identity>;
}

const notBefore = new Date(Date.now() - 3_600_000);
const notAfter = new Date(Date.now() + 24 * 3_600_000);
let serial = 1;

async function makeKeys(): Promise<{ readonly keys: webcrypto.CryptoKeyPair; readonly pem: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { keys, pem: x509.PemConverter.encode(der, 'PRIVATE KEY') };
}

/** A certificate authority of a test. */
export async function createAuthority(name: string): Promise<Authority> {
  const { keys, pem } = await makeKeys();
  const validity = { notBefore, notAfter };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=${name}`,
    ...validity,
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  return {
    certificate: certificate.toString('pem'),
    key: pem,
    issue: async (commonName, { hosts = [], ips = [] } = {}) => {
      const own = await makeKeys();
      const names = [
        ...hosts.map((value) => ({ type: 'dns' as const, value })),
        ...ips.map((value) => ({ type: 'ip' as const, value })),
      ];
      const issued = await x509.X509CertificateGenerator.create({
        serialNumber: (serial += 1).toString(16).padStart(4, '0'),
        subject: `CN=${commonName}`,
        issuer: certificate.subject,
        ...validity,
        signingAlgorithm: algorithm,
        publicKey: own.keys.publicKey,
        signingKey: keys.privateKey,
        extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
      });
      return { certificate: issued.toString('pem'), key: own.pem };
    },
  };
}
