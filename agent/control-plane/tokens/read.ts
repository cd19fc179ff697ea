import { type ApiClient, resources } from '../../api/types.ts';

/** A bootstrap token as the cluster has it. */
export interface KnownToken {
  readonly id: string;
  readonly secret: string;
  /** RFC 3339; undefined when it never ends. */
  readonly expires: string | undefined;
  readonly description: string;
  readonly usages: readonly string[];
  readonly groups: readonly string[];
}

const usagePrefix = 'usage-bootstrap-';

/** In the order of their ids. */
export async function listTokens(api: ApiClient, signal: AbortSignal): Promise<readonly KnownToken[]> {
  const fieldSelector = 'type=bootstrap.kubernetes.io/token';
  const { items } = await api.list(resources.secrets, { namespace: 'kube-system', fieldSelector }, signal);
  return items
    .map(({ data }) => readToken((data ?? {}) as Readonly<Record<string, string>>))
    .filter(({ id }) => id !== '')
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

/** @param data of the Secret, in base64 */
export function readToken(data: Readonly<Record<string, string>>): KnownToken {
  const text = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString('utf8');
  const usages = Object.keys(data).filter((name) => name.startsWith(usagePrefix) && text(name) === 'true');
  return {
    id: text('token-id'),
    secret: text('token-secret'),
    expires: text('expiration') || undefined,
    description: text('description'),
    usages: usages.map((name) => name.slice(usagePrefix.length)).sort(),
    groups: text('auth-extra-groups')
      .split(',')
      .filter((name) => name !== ''),
  };
}
