import { parseDuration } from '../config/duration.ts';
import { type Keyring, toKeyring } from './credentials-plan.ts';

/** What a credential provider plugin says. */
export interface PluginAnswer {
  /** For which images the answer may be used again. */
  readonly cacheKeyType: 'Image' | 'Registry' | 'Global';
  /** Milliseconds; 0 for not at all, undefined for what the configuration says. */
  readonly cacheMs: number | undefined;
  readonly keyring: Keyring;
}

/** A plugin's answer breaks the rules. No message carries a part of it. */
export class CredentialResponseError extends Error {
  override readonly name = 'CredentialResponseError';
}

/**
 * Reads a `CredentialProviderResponse` (`staging/src/k8s.io/kubelet/pkg/apis/credentialprovider/v1`).
 *
 * @param apiVersion that of the request, which the answer must have too
 * @throws {@link CredentialResponseError}
 */
export function readPluginAnswer(text: string, apiVersion: string): PluginAnswer {
  const { auth, cacheDuration, ...answer } = parse(text);
  if (answer['kind'] !== 'CredentialProviderResponse') throw wrong('kind must be CredentialProviderResponse');
  if (answer['apiVersion'] !== apiVersion) throw wrong(`apiVersion must be ${apiVersion}, as in the request`);
  return {
    cacheKeyType: readCacheKeyType(answer['cacheKeyType']),
    cacheMs: readCacheDuration(cacheDuration),
    keyring: toKeyring(isObject(auth) ? auth : {}),
  };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Told below: the parser's own message would show a part of the text.
  }
  throw wrong('it must be a JSON object');
}

function readCacheKeyType(value: unknown): PluginAnswer['cacheKeyType'] {
  if (value === 'Image' || value === 'Registry' || value === 'Global') return value;
  throw wrong('cacheKeyType must be Image, Registry or Global');
}

function readCacheDuration(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms === undefined || ms < 0) throw wrong('cacheDuration must be a duration such as 5m');
  return ms;
}

function wrong(problem: string): CredentialResponseError {
  return new CredentialResponseError(`its answer cannot be used: ${problem}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
