import { createBridgePlugin } from './bridge/index.ts';
import { createInvokedPlugin } from './invoke/index.ts';
import { createLoopbackPlugin } from './loopback/index.ts';
import type { BuiltInPlugin, PluginDeps } from './plugin.ts';
import { createPortmapPlugin } from './portmap/index.ts';

const builtIn: ReadonlyMap<string, (deps: PluginDeps) => BuiltInPlugin> = new Map([
  ['bridge', createBridgePlugin],
  ['loopback', createLoopbackPlugin],
  ['portmap', createPortmapPlugin],
]);

/**
 * The plugins by type. Types that are built in run inside the daemon, also for a configuration of the user's and when a
 * program of that name is installed: they do the same in fewer processes. All others are programs in `binDirs`.
 */
export function createPlugins(deps: PluginDeps, binDirs: readonly string[]): (type: string) => BuiltInPlugin {
  const plugins = new Map<string, BuiltInPlugin>();
  return (type) => {
    let plugin = plugins.get(type);
    if (plugin === undefined) {
      plugin = create(type, deps, binDirs);
      plugins.set(type, plugin);
    }
    return plugin;
  };
}

function create(type: string, deps: PluginDeps, binDirs: readonly string[]): BuiltInPlugin {
  return builtIn.get(type)?.(deps) ?? createInvokedPlugin(type, { exec: deps.exec, binDirs });
}

export const isBuiltIn = (type: string): boolean => builtIn.has(type);
