import { join } from 'node:path';
import { type Exec, ExecFailure } from '../../cni/index.ts';
import type { CredentialProvider } from '../config/index.ts';
import type { ImageAuth } from '../runtime/types.ts';
import { type Keyring, lookUpCredentials } from './credentials-plan.ts';
import type { Credentials } from './credentials.ts';
import { matchesImage, parseImagePattern } from './image-pattern.ts';
import { CredentialResponseError, type PluginAnswer, readPluginAnswer } from './plugin-answer.ts';
import { parseImageReference } from './reference.ts';
import { SharedTasks } from './shared-task.ts';

/** How long a plugin may take (`pkg/credentialprovider/plugin/plugin.go`). */
const timeoutMs = 60_000;
/** Of what a plugin prints to standard error: enough to understand, too little to fill the log. */
const maxErrorText = 500;

export interface CredentialPluginDeps {
  readonly binDir: string;
  readonly exec: Exec;
  readonly now: () => number;
  readonly log: { warn(fields: object, message: string): void };
}

interface CachedAnswer {
  readonly keyring: Keyring;
  readonly expiresAt: number;
}

/**
 * Credentials that a credential provider plugin knows (KEP-2133). A plugin that fails gives none: the pull goes on with
 * what else there is, as in the kubelet. Neither its answer nor its environment shows in the log.
 */
export function createCredentialPlugin(provider: CredentialProvider, deps: CredentialPluginDeps): Credentials {
  const patterns = provider.matchImages.flatMap((pattern) => parseImagePattern(pattern) ?? []);
  const cache = new Map<string, CachedAnswer>();
  const runs = new SharedTasks<Keyring>();

  const ask = async (repository: string, signal: AbortSignal): Promise<Keyring> => {
    const {
      cacheKeyType,
      cacheMs = provider.defaultCacheMs,
      keyring,
    } = await runPlugin(provider, repository, deps, signal);
    if (cacheMs > 0) cache.set(cacheKey(cacheKeyType, repository), { keyring, expiresAt: deps.now() + cacheMs });
    return keyring;
  };

  const cached = (repository: string): Keyring | undefined => {
    for (const [key, { expiresAt }] of cache) if (deps.now() > expiresAt) cache.delete(key);
    const keys = (['Image', 'Registry', 'Global'] as const).map((type) => cacheKey(type, repository));
    return keys.map((key) => cache.get(key)).find((answer) => answer !== undefined)?.keyring;
  };

  return async (image, signal): Promise<readonly ImageAuth[]> => {
    const { domain, path } = parseImageReference(image);
    if (provider.needsServiceAccount || !patterns.some((pattern) => matchesImage(pattern, { domain, path }))) return [];
    const repository = `${domain}/${path}`;
    try {
      const keyring = cached(repository) ?? (await runs.run(repository, (until) => ask(repository, until), signal));
      return lookUpCredentials(keyring, image);
    } catch (error) {
      if (signal.aborted) throw error;
      deps.log.warn({ plugin: provider.name, image, reason: describe(error) }, 'credential provider failed');
      return [];
    }
  };
}

function cacheKey(type: PluginAnswer['cacheKeyType'], repository: string): string {
  if (type === 'Global') return 'global';
  return type === 'Image' ? `image ${repository}` : `registry ${repository.slice(0, repository.indexOf('/'))}`;
}

/** @param repository the image's name without tag and digest, as the kubelet asks */
async function runPlugin(
  { name, apiVersion, args, env }: CredentialProvider,
  repository: string,
  { binDir, exec }: CredentialPluginDeps,
  signal: AbortSignal,
): Promise<PluginAnswer> {
  const request = { kind: 'CredentialProviderRequest', apiVersion, image: repository };
  const { stdout } = await exec(
    { file: join(binDir, name), args, env, input: JSON.stringify(request), timeoutMs },
    signal,
  );
  return readPluginAnswer(stdout, apiVersion);
}

/** Own words: what programs throw may hold their output, and so the credentials. */
function describe(error: unknown): string {
  if (error instanceof CredentialResponseError) return error.message;
  if (!(error instanceof ExecFailure)) return 'it cannot be run';
  if (error.notFound) return 'the program does not exist';
  if (error.timedOut) return `it did not answer within ${timeoutMs / 1000} s`;
  const text = error.stderr.trim().slice(0, maxErrorText);
  return `exit code ${error.exitCode ?? 'unknown'}${text && `: ${text}`}`;
}
