import type { ImageAuth } from '../runtime/types.ts';
import { parseImageReference } from './reference.ts';

/** Names under which config files know Docker Hub. */
const DOCKER_HUB_HOSTS: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/**
 * Registry credentials of a Docker `config.json`, by the entries' keys. Entries without a user name and password (of
 * credential helpers) are left out. Undefined when the text is no such file; no message carries a part of it.
 */
export function parseDockerConfig(text: string): ReadonlyMap<string, ImageAuth> | undefined {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(config)) return undefined;
  const { auths = {} } = config;
  if (!isObject(auths)) return undefined;
  return new Map(
    Object.entries(auths).flatMap(([key, entry]) => {
      const auth = isObject(entry) ? readEntry(entry) : undefined;
      return auth === undefined ? [] : [[key, auth] as const];
    }),
  );
}

/**
 * The credentials whose key fits the image; the longest path wins, as in the kubelet's keyring. A key is
 * `[scheme://]host[:port][/path]`; each part of the host may hold `*`.
 */
export function matchCredentials(auths: ReadonlyMap<string, ImageAuth>, image: string): ImageAuth | undefined {
  const { domain, path } = parseImageReference(image);
  const fitting = [...auths]
    .map(([key, auth]) => ({ ...parseKey(key), auth }))
    .filter((entry) => hostMatches(entry.host, domain) && pathMatches(entry.path, path))
    .sort((a, b) => b.path.length - a.path.length || Number(a.host.includes('*')) - Number(b.host.includes('*')));
  return fitting[0]?.auth;
}

function readEntry({ auth, username, password }: Readonly<Record<string, unknown>>): ImageAuth | undefined {
  if (typeof username === 'string' && typeof password === 'string' && username !== '') return { username, password };
  if (typeof auth !== 'string') return undefined;
  const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  return colon < 1 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function parseKey(key: string): { readonly host: string; readonly path: string } {
  const [host = '', ...rest] = key.replace(/^https?:\/\//, '').split('/');
  const path = rest.join('/').replace(/\/+$/, '');
  // `v1` and `v2` are the registry protocol's, as in `https://index.docker.io/v1/`.
  return { host: DOCKER_HUB_HOSTS.has(host) ? 'docker.io' : host, path: /^v[12]$/.test(path) ? '' : path };
}

function hostMatches(pattern: string, domain: string): boolean {
  const patternParts = pattern.split('.');
  const parts = domain.split('.');
  if (patternParts.length !== parts.length) return false;
  return patternParts.every((glob, index) => globMatches(glob, parts[index] ?? ''));
}

/** `*` stands for any text within one part of a host name. */
function globMatches(glob: string, text: string): boolean {
  const literal = glob.split('*').map((piece) => piece.replace(/[\\^$+?.()|[\]{}]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`).test(text);
}

function pathMatches(prefix: string, path: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
