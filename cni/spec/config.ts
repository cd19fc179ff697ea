import { CniError, cniErrorCode } from './error.ts';
import type { NetworkConfigList, PluginConfig } from './types.ts';

/** Versions of the specification that configurations may be written in. */
export const supportedVersions = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

/** What the daemon itself speaks. */
export const currentVersion = '1.1.0';

/** A network's name becomes a directory and part of file names (spec section 1, "name"). */
const networkName = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * Reads a configuration list (`.conflist`), or a single plugin's configuration (`.conf`) as a list of one.
 *
 * @throws CniError with the path of the field that is wrong
 */
export function parseConfig(text: string): NetworkConfigList {
  const config = parseJson(text);
  const { name } = config;
  if (typeof name !== 'string' || !networkName.test(name)) invalid('name', 'must be letters, digits and _.-');
  const plugins = 'plugins' in config ? parsePlugins(config['plugins']) : [parsePlugin(config, '')];
  return {
    name,
    cniVersion: parseVersion(config),
    disableCheck: parseBoolean(config, 'disableCheck'),
    disableGC: parseBoolean(config, 'disableGC'),
    plugins,
  };
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (error) {
    throw new CniError(cniErrorCode.decodingFailure, `not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  throw new CniError(cniErrorCode.decodingFailure, 'must be a JSON object');
}

/** The newest version of `cniVersions` (spec 1.1) that is spoken here, else `cniVersion`, which is 0.2.0 when absent. */
function parseVersion(config: Readonly<Record<string, unknown>>): string {
  const { cniVersion = '0.2.0', cniVersions = [] } = config;
  if (!Array.isArray(cniVersions)) return invalid('cniVersions', 'must be an array');
  const offered = new Set<unknown>([...(cniVersions as readonly unknown[]), cniVersion]);
  const version = supportedVersions.findLast((supported) => offered.has(supported));
  if (version !== undefined) return version;
  throw new CniError(
    cniErrorCode.incompatibleVersion,
    `cniVersion: ${JSON.stringify(cniVersion)} is not one of ${supportedVersions.join(', ')}`,
  );
}

function parsePlugins(value: unknown): PluginConfig[] {
  if (!Array.isArray(value) || value.length === 0) return invalid('plugins', 'must be an array that is not empty');
  return value.map((plugin, index) => parsePlugin(plugin, `plugins[${index}].`));
}

function parsePlugin(value: unknown, path: string): PluginConfig {
  if (!isObject(value)) return invalid(path.slice(0, -1), 'must be an object');
  const { type, capabilities, ipam } = value;
  if (typeof type !== 'string' || type === '' || type.includes('/'))
    return invalid(`${path}type`, 'must name a plugin');
  if (capabilities !== undefined && !isObject(capabilities)) invalid(`${path}capabilities`, 'must be an object');
  if (ipam !== undefined && !isObject(ipam)) invalid(`${path}ipam`, 'must be an object');
  return { ...value, type };
}

/** libcni takes a boolean, or one in a string. */
function parseBoolean(config: Readonly<Record<string, unknown>>, field: string): boolean {
  const value = config[field] ?? false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  return invalid(field, 'must be true or false');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, message: string): never {
  throw new CniError(cniErrorCode.invalidNetworkConfig, `${path}: ${message}`);
}
