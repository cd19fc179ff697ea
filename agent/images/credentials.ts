import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageAuth } from '../runtime/types.ts';
import { matchCredentials, parseDockerConfig } from './credentials-plan.ts';

/** Where the kubelet finds the node's own registry credentials, first match wins (`credentialprovider/config.go`). */
export function dockerConfigPaths(rootDir: string): readonly string[] {
  return [join(rootDir, 'config.json'), '/root/.docker/config.json'];
}

/**
 * Looks the node's credentials for an image up. Files are read at each look-up, so `docker login` takes effect at once;
 * one that is not there has no credentials.
 *
 * @throws Error that names the file that cannot be read; its content never shows in messages
 */
export function createCredentials(paths: readonly string[]): (image: string) => Promise<ImageAuth | undefined> {
  return async (image) => {
    for (const path of paths) {
      const auth = matchCredentials(await readConfig(path), image);
      if (auth !== undefined) return auth;
    }
    return undefined;
  };
}

async function readConfig(path: string): Promise<ReadonlyMap<string, ImageAuth>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw new Error(`cannot read registry credentials from ${path}`, { cause: error });
  }
  const auths = parseDockerConfig(text);
  if (auths === undefined) throw new Error(`${path} is not a Docker config file: expected JSON with an object "auths"`);
  return auths;
}
