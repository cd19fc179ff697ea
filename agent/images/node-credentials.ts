import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { CredentialProviders } from '../config/index.ts';
import { createCredentialPlugin, type CredentialPluginDeps } from './credential-plugin.ts';
import { createCredentials, type Credentials, dockerConfigPaths, joinCredentials } from './credentials.ts';

/**
 * The node's own credentials: Docker's config files, then the credential provider plugins in their order.
 *
 * @throws when the program of a plugin is not there: better at the start than at the first pull
 */
export async function nodeCredentials(
  rootDir: string,
  plugins: CredentialProviders | undefined,
  deps: Omit<CredentialPluginDeps, 'binDir'>,
): Promise<Credentials> {
  const files = createCredentials(dockerConfigPaths(rootDir));
  if (plugins === undefined) return files;
  const { binDir, providers } = plugins;
  for (const { name, needsServiceAccount } of providers) {
    await access(join(binDir, name), constants.X_OK).catch((error: unknown) => {
      throw new Error(`credential provider ${join(binDir, name)} is no program that can be run`, { cause: error });
    });
    if (needsServiceAccount) {
      deps.log.warn(
        { plugin: name },
        'credential provider is never asked: tokens of service accounts need an API server',
      );
    }
  }
  return joinCredentials([
    files,
    ...providers.map((provider) => createCredentialPlugin(provider, { ...deps, binDir })),
  ]);
}
