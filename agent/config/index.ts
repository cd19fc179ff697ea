import { join, resolve } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import { type CredentialProviders, parseCredentialProviders } from './credential-providers.ts';
import { ConfigError, type ConfigProblem } from './error.ts';
import { type ConfigFile, noConfigFile, parseConfigFile } from './file.ts';
import { fieldsOfFlags } from './flags.ts';
import { kubeletFieldsActedOn, type KubeletConfiguration } from './kubelet-schema.ts';
import { unite } from './more-kubelet-flags.ts';
import { defaultRootDir, mergeConfig, type Surroundings } from './merge.ts';
import type { Config, Flags } from './types.ts';
import { validateConfig } from './validate.ts';

export { ConfigError } from './error.ts';
export { kubeletFlags } from './flags.ts';
export { kubeletFieldFlags } from './more-kubelet-flags.ts';
export type { CredentialProvider, CredentialProviders } from './credential-providers.ts';
export type { Config, Flags } from './types.ts';

export interface ConfigDeps extends Surroundings {
  readonly readFile: (path: string) => Promise<string>;
}

export interface LoadedConfig {
  readonly config: Config;
  /** What users should change some day. */
  readonly warnings: readonly string[];
  /** Fields of the file that are known and correct, but change nothing in this version. */
  readonly notActedOn: readonly string[];
}

/**
 * The configuration: flags before the file, the file before defaults, as in the kubelet.
 *
 * @throws ConfigError with all that is wrong
 */
export async function loadConfig(flags: Flags, deps: ConfigDeps): Promise<LoadedConfig> {
  const file = await withJoinedProxy(await readConfigFile(flags.config, deps.readFile), flags, deps);
  const flagged = fieldsOfFlags(flags);
  const plugins = await readCredentialProviders(flags, deps);
  const merged = mergeConfig(flags, file, withFlags(file.kubelet, flagged.fields), deps);
  const config: Config = { ...merged, imageCredentialProviders: plugins.found };
  const problems = [...file.problems, ...flagged.problems, ...plugins.problems, ...validateConfig(config, flags, file)];
  if (problems.length > 0) throw new ConfigError(problems);
  return { config, warnings: flagged.warnings, notActedOn: fieldsNotActedOn(config) };
}

/** A flag replaces its field; of an object it replaces only the part that it sets. */
function withFlags(
  file: Partial<KubeletConfiguration>,
  flagged: Partial<KubeletConfiguration>,
): Partial<KubeletConfiguration> {
  const parts = (['authentication', 'authorization'] as const).filter((name) => name in flagged);
  const united = Object.fromEntries(parts.map((name) => [name, unite(file[name], flagged[name])]));
  return { ...file, ...flagged, ...united };
}

async function readConfigFile(path: string | undefined, readFile: ConfigDeps['readFile']): Promise<ConfigFile> {
  if (path === undefined) return noConfigFile;
  try {
    return parseConfigFile(path, await readFile(path));
  } catch (error) {
    throw new ConfigError([{ origin: path, message: `cannot be read: ${(error as Error).message}` }]);
  }
}

/** Where `podwright join` keeps the cluster's KubeProxyConfiguration, for which kubeadm has no file on a node. */
export const kubeProxyFile = (rootDir: string): string => join(rootDir, 'podwright', 'kube-proxy.yaml');

/** A node that has joined follows the cluster's KubeProxyConfiguration unless its own file has one. */
async function withJoinedProxy(file: ConfigFile, flags: Flags, { readFile, cwd }: ConfigDeps): Promise<ConfigFile> {
  if (!flags.kubeconfig || file.kubeProxy !== undefined) return file;
  const path = kubeProxyFile(resolve(cwd, flags.rootDir || defaultRootDir));
  try {
    const { kubeProxy, problems } = parseConfigFile(path, await readFile(path));
    return { ...file, kubeProxy, problems: [...file.problems, ...problems] };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return file;
    throw new ConfigError([{ origin: path, message: `cannot be read: ${(error as Error).message}` }]);
  }
}

interface ReadProviders {
  readonly found: CredentialProviders | undefined;
  readonly problems: readonly ConfigProblem[];
}

/** The two flags go together: what to run, and where it is. */
async function readCredentialProviders(flags: Flags, { readFile, cwd }: ConfigDeps): Promise<ReadProviders> {
  const { imageCredentialProviderConfig: file, imageCredentialProviderBinDir: binDir } = flags;
  if (file === undefined && binDir === undefined) return { found: undefined, problems: [] };
  const [configFlag, binDirFlag] = ['--image-credential-provider-config', '--image-credential-provider-bin-dir'];
  const alone = (origin: string, other: string): ReadProviders => ({
    found: undefined,
    problems: [{ origin, message: `needs ${other} beside it` }],
  });
  if (file === undefined) return alone(binDirFlag, configFlag);
  if (binDir === undefined) return alone(configFlag, binDirFlag);
  try {
    const { providers, problems } = parseCredentialProviders(file, await readFile(file));
    return { found: { binDir: resolve(cwd, binDir), providers }, problems };
  } catch (error) {
    return { found: undefined, problems: [{ origin: file, message: `cannot be read: ${(error as Error).message}` }] };
  }
}

function fieldsNotActedOn({ kubelet, kubeProxy }: Config): readonly string[] {
  return [
    ...Object.keys(kubelet).filter((field) => !kubeletFieldsActedOn.has(field)),
    ...(kubeProxy === undefined ? [] : [kubeProxy.kind]),
  ];
}
