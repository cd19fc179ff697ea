import type { TokenSettings } from '../settings.ts';
import type { NewObject } from './make-render.ts';

/**
 * A bootstrap token (`staging/src/k8s.io/cluster-bootstrap/token/api`).
 *
 * @param now milliseconds since the epoch
 */
export function tokenSecret({ token, ttlMs, description, groups, usages }: TokenSettings, now: number): NewObject {
  const end = ttlMs === undefined ? undefined : new Date(now + ttlMs).toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'bootstrap.kubernetes.io/token',
    metadata: { name: `bootstrap-token-${token.id}`, namespace: 'kube-system' },
    stringData: {
      'token-id': token.id,
      'token-secret': token.secret,
      ...(end === undefined ? {} : { expiration: end }),
      ...(description === undefined || description === '' ? {} : { description }),
      ...(groups.length === 0 ? {} : { 'auth-extra-groups': groups.join(',') }),
      ...Object.fromEntries(usages.map((usage) => [`usage-bootstrap-${usage}`, 'true'])),
    },
  };
}
