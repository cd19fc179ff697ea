import { type Exec, ExecFailure } from '../../util/exec.ts';
import type { PortmapBackend, PortSet } from '../backend.ts';
import { isShown, renderTable, table } from './render.ts';

/** Host ports by nftables: one `nft` process a change, for both address families. */
export function createNftablesBackend(exec: Exec): PortmapBackend {
  const list = async (signal: AbortSignal): Promise<string> => {
    try {
      return (await exec({ file: 'nft', args: ['-n', 'list', 'table', ...table.split(' ')] }, signal)).stdout;
    } catch (error) {
      if (error instanceof ExecFailure && error.stderr.includes('No such file or directory')) return '';
      throw error;
    }
  };
  const restore = async (sets: readonly PortSet[], signal: AbortSignal): Promise<void> => {
    await exec({ file: 'nft', args: ['-f', '-'], input: renderTable(sets) }, signal);
  };
  return {
    apply: ({ after, others }, signal) => restore([...others, after], signal),
    restore,
    missing: async ({ ports }, signal) => {
      const listed = await list(signal);
      return ports.filter((port) => !isShown(port, listed));
    },
  };
}

/** Whether `nft` is there and the kernel takes the rules: a dry run, nothing is changed. */
export async function nftablesWorks(exec: Exec, signal: AbortSignal): Promise<boolean> {
  try {
    await exec({ file: 'nft', args: ['--check', '-f', '-'], input: renderTable([]) }, signal);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
