import { createHmac, timingSafeEqual } from 'node:crypto';
import type { BootstrapToken } from './token.ts';

/**
 * Whether a detached JWS (RFC 7515 appendix F: `header..signature`) signs a payload with the secret of a bootstrap token:
 * HS256, `kid` the token's id (`staging/src/k8s.io/cluster-bootstrap/token/jws`).
 */
export function isSignedByToken(jws: string, payload: string, { id, secret }: BootstrapToken): boolean {
  const [header = '', content, signature = '', ...more] = jws.split('.');
  if (content !== '' || more.length > 0 || !isExpectedHeader(header, id)) return false;
  const signed = `${header}.${Buffer.from(payload, 'utf8').toString('base64url')}`;
  const expected = createHmac('sha256', secret).update(signed).digest();
  const given = Buffer.from(signature, 'base64url');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** The algorithm is fixed: one that the sender chooses would let him choose `none`. */
function isExpectedHeader(header: string, id: string): boolean {
  try {
    const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as Record<string, unknown>;
    return alg === 'HS256' && kid === id;
  } catch {
    return false;
  }
}
