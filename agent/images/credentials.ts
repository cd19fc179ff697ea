import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { ImageAuth } from '../runtime/types.ts';
import { type Keyring, lookUpCredentials, parseDockerConfig } from './credentials-plan.ts';

/** All credentials that may be tried for an image, in their order; none: the image is pulled without. */
export type Credentials = (image: string, signal: AbortSignal) => Promise<readonly ImageAuth[]>;

/** Where the kubelet finds the node's own registry credentials (`credentialprovider/config.go`); the first that fits counts. */
export function dockerConfigPaths(rootDir: string): readonly string[] {
  return [join(rootDir, 'config.json'), '/root/.docker/config.json'];
}

/**
 * Looks the node's credentials for an image up. Files are read at each look-up, so `docker login` takes effect at once;
 * one that is not there has no credentials.
 *
 * @throws Error that names the file that cannot be read; its content never shows in messages
 */
export function createCredentials(paths: readonly string[]): Credentials {
  return async (image) => {
    for (const path of paths) {
      const auths = lookUpCredentials(await readConfig(path), image);
      if (auths.length > 0) return auths;
    }
    return [];
  };
}

/** The credentials of several sources, one after the other. */
export function joinCredentials(sources: readonly Credentials[]): Credentials {
  return async (image, signal) => (await Promise.all(sources.map((source) => source(image, signal)))).flat();
}

async function readConfig(path: string): Promise<Keyring> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw new Error(`cannot read registry credentials from ${path}`, { cause: error });
  }
  const keyring = parseDockerConfig(text);
  if (keyring === undefined)
    throw new Error(`${path} is not a Docker config file: expected JSON with an object "auths"`);
  return keyring;
}
