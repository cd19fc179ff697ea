import type { BuiltInPlugin, PluginDeps } from '../plugin.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';

/** The loopback plugin: `lo` is up in the pod's namespace, which takes it away with itself. */
export function createLoopbackPlugin({ exec }: PluginDeps): BuiltInPlugin {
  return {
    add: async ({ netns, cniVersion, prevResult }, signal) => {
      if (netns === undefined) throw new CniError(cniErrorCode.invalidEnvironment, 'loopback: ADD needs a namespace');
      try {
        await exec({ file: 'nsenter', args: [`--net=${netns}`, 'ip', 'link', 'set', 'dev', 'lo', 'up'] }, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw new CniError(cniErrorCode.internal, `loopback: cannot set lo up in ${netns}: ${String(error)}`, {
          cause: error,
        });
      }
      return prevResult ?? { cniVersion, interfaces: [{ name: 'lo', sandbox: netns }] };
    },
    del: () => Promise.resolve(),
    check: () => Promise.resolve(),
    gc: () => Promise.resolve(),
  };
}
