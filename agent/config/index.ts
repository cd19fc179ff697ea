import { ConfigError } from './error.ts';
import { type ConfigFile, noConfigFile, parseConfigFile } from './file.ts';
import { fieldsOfFlags } from './flags.ts';
import { kubeletFieldsActedOn } from './kubelet-schema.ts';
import { mergeConfig, type Surroundings } from './merge.ts';
import type { Config, Flags } from './types.ts';
import { validateConfig } from './validate.ts';

export { ConfigError } from './error.ts';
export { kubeletFlags } from './flags.ts';
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
  const file = await readConfigFile(flags.config, deps.readFile);
  const flagged = fieldsOfFlags(flags);
  const config = mergeConfig(flags, file, { ...file.kubelet, ...flagged.fields }, deps);
  const problems = [...file.problems, ...flagged.problems, ...validateConfig(config, flags, file)];
  if (problems.length > 0) throw new ConfigError(problems);
  return { config, warnings: flagged.warnings, notActedOn: fieldsNotActedOn(config) };
}

async function readConfigFile(path: string | undefined, readFile: ConfigDeps['readFile']): Promise<ConfigFile> {
  if (path === undefined) return noConfigFile;
  try {
    return parseConfigFile(path, await readFile(path));
  } catch (error) {
    throw new ConfigError([{ origin: path, message: `cannot be read: ${(error as Error).message}` }]);
  }
}

function fieldsNotActedOn({ kubelet, kubeProxy }: Config): readonly string[] {
  return [
    ...Object.keys(kubelet).filter((field) => !kubeletFieldsActedOn.has(field)),
    ...(kubeProxy === undefined ? [] : [kubeProxy.kind]),
  ];
}
