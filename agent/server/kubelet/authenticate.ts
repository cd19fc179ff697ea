import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { TokenReviewer } from './token-review.ts';
import type { User } from './types.ts';

export interface Authenticator {
  /** Undefined: nobody. Never rejects; who cannot be authenticated because of a failure is nobody. */
  authenticate(request: IncomingMessage, signal: AbortSignal): Promise<User | undefined>;
}

export interface AuthenticatorDeps {
  /** Whether the client's certificate was verified against the CA file that holds now. */
  readonly isVerified: (socket: TLSSocket) => boolean;
  /** Undefined: bearer tokens are not taken. */
  readonly tokens: TokenReviewer | undefined;
  readonly anonymous: boolean;
  readonly now: () => number;
  /** Is told why somebody could not be authenticated; never a secret. */
  readonly onError: (error: unknown) => void;
}

/**
 * Certificate, then bearer token, then anonymous. Wrong credentials are never anonymous (kubelet: `NewFailOnError` in
 * `k8s.io/apiserver/pkg/authentication/authenticatorfactory/delegating.go`).
 */
export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  return {
    authenticate: async (request, signal) => {
      const certificate = certificateUser(request, deps);
      if (typeof certificate === 'object') return withGroup(certificate, 'system:authenticated');
      const token = bearerToken(request.headers.authorization);
      if (token !== undefined && deps.tokens !== undefined) {
        const user = await tokenUser(deps.tokens, token, signal, deps.onError);
        return user === undefined ? undefined : withGroup(user, 'system:authenticated');
      }
      if (certificate === 'wrong' || !deps.anonymous) return undefined;
      return { name: 'system:anonymous', groups: ['system:unauthenticated'] };
    },
  };
}

async function tokenUser(
  tokens: TokenReviewer,
  token: string,
  signal: AbortSignal,
  onError: (error: unknown) => void,
): Promise<User | undefined> {
  try {
    return await tokens.review(token, signal);
  } catch (error) {
    if (!signal.aborted) onError(error);
    return undefined;
  }
}

function withGroup(user: User, group: string): User {
  return user.groups.includes(group) ? user : { ...user, groups: [...user.groups, group] };
}

/** The token after `Bearer`; undefined without one. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^bearer +([^\s,]+) *$/i.exec(header ?? '')?.[1];
}

/** The common name is the user, organizations are the groups (`x509.CommonNameUserConversion`). */
function certificateUser({ socket }: IncomingMessage, { isVerified, now }: AuthenticatorDeps): User | 'none' | 'wrong' {
  if (!(socket instanceof TLSSocket)) return 'none';
  const certificate = socket.getPeerCertificate();
  const subject = certificate?.subject as CertificateSubject | undefined;
  if (subject === undefined) return 'none';
  // The connection may have been opened before the certificate expired.
  const isInTime = Date.parse(certificate.valid_from) <= now() && now() <= Date.parse(certificate.valid_to);
  const { CN: name, O: groups = [] } = subject;
  if (!isVerified(socket) || !isInTime || typeof name !== 'string' || name === '') return 'wrong';
  return { name, groups: typeof groups === 'string' ? [groups] : groups };
}

/** An attribute that is there more than once is an array. */
interface CertificateSubject {
  readonly CN?: string | readonly string[];
  readonly O?: string | readonly string[];
}
