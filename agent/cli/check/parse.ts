import type { Facts, Route } from './facts.ts';

/* Readers of what the host's files and tools say. All take any text, and leave out what they do not know. */

/** Effective capabilities in `/proc/self/status`. */
export function parseCapabilities(status: string): bigint {
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1] ?? '0'}`);
}

/** Devices in `/proc/swaps`, which has a header. */
export function parseSwaps(text: string): string[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => line.split(/\s+/)[0] || []);
}

/** Policy in the output of `iptables -S FORWARD`. */
export function parseForwardPolicy(text: string): Facts['forwardPolicy'] {
  const policy = /^-P FORWARD (ACCEPT|DROP)$/m.exec(text)?.[1];
  return policy === 'ACCEPT' || policy === 'DROP' ? policy : undefined;
}

/** Networks in the output of `ip -json route show`; the default route is left out. */
export function parseRoutes(text: string): Route[] {
  let routes: unknown;
  try {
    routes = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(routes) ? routes.flatMap(toRoute) : [];
}

function toRoute(route: unknown): Route[] {
  const { dst, dev = '' } = (route ?? {}) as { readonly dst?: unknown; readonly dev?: unknown };
  if (typeof dst !== 'string' || typeof dev !== 'string' || dst === 'default') return [];
  if (dst.includes('/')) return [{ destination: dst, device: dev }];
  return [{ destination: `${dst}/${dst.includes(':') ? 128 : 32}`, device: dev }];
}

/** Controllers in `/proc/cgroups` (v1) that the kernel has switched on. */
export function parseCgroupV1(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.split(/\s+/))
    .flatMap(([name = '', , , enabled]) => (enabled === '1' && !name.startsWith('#') ? [name] : []));
}

/**
 * What is wrong with the JSON of a CNI configuration at first sight; a plugin says the rest when it is run.
 *
 * @returns undefined when nothing is
 */
export function cniConfigError(text: string): string | undefined {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    return `no JSON: ${(error as Error).message}`;
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return 'must be an object';
  const { name, type, plugins } = config as Record<string, unknown>;
  if (typeof name !== 'string' || name === '') return 'name: is required';
  const types = Array.isArray(plugins)
    ? plugins.map((plugin: unknown) => (plugin as { type?: unknown } | null)?.type)
    : [type];
  if (types.length === 0) return 'plugins: must not be empty';
  return types.every((given) => typeof given === 'string' && given !== '')
    ? undefined
    : 'type: is required of each plugin';
}
