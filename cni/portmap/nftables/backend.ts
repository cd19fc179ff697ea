import type { Exec } from '../../util/exec.ts';
import type { PortmapBackend } from '../backend.ts';
import { elementText, renderChange, table } from './render.ts';

/** Host ports by nftables: one `nft` process a change, for both address families. */
export function createNftablesBackend(exec: Exec): PortmapBackend {
  return {
    apply: async (change, signal) => {
      await exec({ file: 'nft', args: ['-f', '-'], input: renderChange(change) }, signal);
    },
    missing: async ({ ports }, signal) => {
      // Numeric output, on one line an element list or many: the spelling of an element is the same.
      const { stdout } = await exec({ file: 'nft', args: ['-n', 'list', 'table', ...table.split(' ')] }, signal);
      return ports.filter((port) => !stdout.includes(elementText(port)));
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
