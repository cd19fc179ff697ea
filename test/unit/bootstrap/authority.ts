import { createHmac, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import {
  boolean,
  contextConstructed,
  bitString,
  type Der,
  certificateTime,
  integer,
  objectIdentifier,
  octetString,
  pem,
  sequence,
  setOf,
  utf8String,
} from '../../../agent/der.ts';
import type { BootstrapToken } from '../../../agent/bootstrap/token.ts';

const day = 24 * 3600 * 1000;
const algorithm = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const name = (text: string): Der => sequence(setOf(sequence(objectIdentifier('2.5.4.3'), utf8String(text))));
const basicConstraints = sequence(objectIdentifier('2.5.29.19'), boolean(true), octetString(sequence(boolean(true))));

/**
 * A CA of its own key, as PEM.
 *
 * @param laterMs after the usual end
 */
export function createAuthority(
  commonName = 'kubernetes',
  laterMs = 0,
): { readonly pem: string; readonly privateKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const info = sequence(
    contextConstructed(0, integer(2n)),
    integer(BigInt(`0x7f${randomBytes(7).toString('hex')}`)),
    algorithm,
    name(commonName),
    sequence(certificateTime(new Date(Date.now() - day)), certificateTime(new Date(Date.now() + day + laterMs))),
    name(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    contextConstructed(3, sequence(basicConstraints)),
  );
  const certificate = pem('CERTIFICATE', sequence(info, algorithm, bitString(sign('sha256', info, privateKey))));
  new X509Certificate(certificate);
  return { pem: certificate, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** As the bootstrapsigner signs: a detached JWS. */
export function signDetached(payload: string, { id, secret }: BootstrapToken, header: object = {}): string {
  const encode = (text: string): string => Buffer.from(text).toString('base64url');
  const head = encode(JSON.stringify({ alg: 'HS256', kid: id, ...header }));
  const signature = createHmac('sha256', secret)
    .update(`${head}.${encode(payload)}`)
    .digest('base64url');
  return `${head}..${signature}`;
}
