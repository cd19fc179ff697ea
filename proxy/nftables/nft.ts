import { type Exec, ExecFailure } from '../../cni/index.ts';
import type { Family } from '../types.ts';
import { tableOf } from './text.ts';

const isNotFound = (error: unknown): boolean =>
  error instanceof ExecFailure && error.stderr.includes('No such file or directory');

/** What `nft` prints; undefined when the table, or what is asked of it, does not exist. */
export async function listTable(exec: Exec, args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await exec({ file: 'nft', args }, signal)).stdout;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Removes the table with all in it; succeeds when it is gone, and where no `nft` is that could have made it. */
export async function deleteTable(exec: Exec, family: Family, signal: AbortSignal): Promise<void> {
  try {
    await exec({ file: 'nft', args: ['delete', 'table', ...tableOf(family).split(' ')] }, signal);
  } catch (error) {
    if (isNotFound(error) || (error instanceof ExecFailure && error.notFound)) return;
    throw error;
  }
}

/** The whole table as JSON, undefined when it does not exist. */
export async function readTable(exec: Exec, family: Family, signal: AbortSignal): Promise<string | undefined> {
  return listTable(exec, ['-j', 'list', 'table', ...tableOf(family).split(' ')], signal);
}
