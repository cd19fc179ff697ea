import { createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { type KeyAlgorithm, keyAlgorithms } from '../settings.ts';

const generate = promisify(generateKeyPair);

/** A new private key as PEM, in the forms that kubeadm writes: PKCS#1 of RSA, SEC 1 of elliptic curves. */
export async function newKey(algorithm: KeyAlgorithm): Promise<string> {
  const [kind, size = ''] = algorithm.split('-');
  if (kind === 'ECDSA') {
    const { privateKey } = await generate('ec', { namedCurve: size === 'P384' ? 'P-384' : 'P-256' });
    return privateKey.export({ type: 'sec1', format: 'pem' }).toString();
  }
  const { privateKey } = await generate('rsa', { modulusLength: Number(size) });
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
}

/** What a private key is, to make another of its kind; kubeadm's default where it has no name for that. */
export function algorithmOf(key: string): KeyAlgorithm {
  const { modulusLength, namedCurve } = createPrivateKey(key).asymmetricKeyDetails ?? {};
  const curve = namedCurve === 'secp384r1' ? 'ECDSA-P384' : 'ECDSA-P256';
  const name = namedCurve === undefined ? `RSA-${modulusLength ?? ''}` : curve;
  return keyAlgorithms.find((each) => each === name) ?? 'RSA-2048';
}

/** @param key PEM of a private key */
export const publicKeyOf = (key: string): string =>
  createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
