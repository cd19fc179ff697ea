import type { Secret } from '../objects/types.ts';
import type { ImageAuth } from '../runtime/types.ts';
import { comparePatterns, type ImagePattern, matchesImage, parseImagePattern } from './image-pattern.ts';
import { parseImageReference } from './reference.ts';

/** Credentials and the images that they are for. */
export interface KeyringEntry {
  readonly pattern: ImagePattern;
  readonly auth: ImageAuth;
}

export type Keyring = readonly KeyringEntry[];

/**
 * Registry credentials of a Docker `config.json`, and of the Secret type `kubernetes.io/dockerconfigjson`. Entries without
 * credentials (those of credential helpers) and keys that are no pattern are left out. Undefined when the text is no such
 * file; no message carries a part of it.
 */
export function parseDockerConfig(text: string): Keyring | undefined {
  const config = parseObject(text);
  if (config === undefined) return undefined;
  const { auths = {} } = config;
  return isObject(auths) ? toKeyring(auths) : undefined;
}

/** As {@link parseDockerConfig} for the older `.dockercfg`, whose entries stand at the top. */
export function parseDockerCfg(text: string): Keyring | undefined {
  const entries = parseObject(text);
  return entries === undefined ? undefined : toKeyring(entries);
}

/** What `auth` of a credential provider's answer holds: patterns, each with user name and password. */
export function toKeyring(entries: Readonly<Record<string, unknown>>): Keyring {
  return Object.entries(entries).flatMap(([key, entry]) => {
    const pattern = parseImagePattern(key);
    const auth = isObject(entry) ? readEntry(entry) : undefined;
    return pattern === undefined || auth === undefined ? [] : [{ pattern, auth }];
  });
}

/** All credentials of pull secrets; a secret of another type has none (`pkg/credentialprovider/secrets/secrets.go`). */
export function secretsKeyring(secrets: readonly Secret[]): Keyring {
  return secrets.flatMap(({ type, data = {} }) => {
    if (type === 'kubernetes.io/dockerconfigjson') return parseDockerConfig(decode(data['.dockerconfigjson'])) ?? [];
    if (type === 'kubernetes.io/dockercfg') return parseDockerCfg(decode(data['.dockercfg'])) ?? [];
    return [];
  });
}

/**
 * All credentials that fit an image, in the order in which they are tried: the most specific first (kubelet: `Lookup` of
 * its keyring).
 */
export function lookUpCredentials(keyring: Keyring, image: string): readonly ImageAuth[] {
  const reference = parseImageReference(image);
  return keyring
    .filter(({ pattern }) => matchesImage(pattern, reference))
    .sort((a, b) => comparePatterns(a.pattern, b.pattern))
    .map(({ auth }) => auth);
}

function readEntry({ auth, username, password, ...tokens }: Readonly<Record<string, unknown>>): ImageAuth | undefined {
  const { identitytoken, registrytoken } = tokens;
  const login = readLogin(auth) ?? { username: textOf(username), password: textOf(password) };
  const identityToken = textOf(identitytoken);
  const registryToken = textOf(registrytoken);
  if (login.username === '' && identityToken === '' && registryToken === '') return undefined;
  return {
    ...login,
    ...(identityToken === '' ? {} : { identityToken }),
    ...(registryToken === '' ? {} : { registryToken }),
  };
}

/** base64 of `<user>:<password>`; it counts more than the two fields of their own. */
function readLogin(auth: unknown): ImageAuth | undefined {
  if (typeof auth !== 'string' || auth === '') return undefined;
  const decoded = decode(auth).replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  return colon < 1 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function decode(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
