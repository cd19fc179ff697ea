import { type Exec, ExecFailure } from '../../util/exec.ts';
import type { PortmapBackend } from '../backend.ts';
import { isShown, renderChange, table } from './render.ts';

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
  return {
    apply: async (change, signal) => {
      await exec({ file: 'nft', args: ['-f', '-'], input: renderChange(change) }, signal);
    },
    forget: () => undefined,
    missing: async ({ ports }, signal) => {
      const listed = await list(signal);
      return ports.filter((port) => !isShown(port, listed));
    },
  };
}

/** Whether `nft` is there and the kernel takes the rules: a dry run, nothing is changed. */
export async function nftablesWorks(exec: Exec, signal: AbortSignal): Promise<boolean> {
  const nothing = { id: '', ports: [] };
  const input = renderChange({ before: nothing, after: nothing, others: [] });
  try {
    await exec({ file: 'nft', args: ['--check', '-f', '-'], input }, signal);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
