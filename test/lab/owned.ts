import { hostNames, type HostNames } from './names.ts';
import { openRun } from './run.ts';
import { removeHost } from './teardown.ts';

/**
 * Makes something of this process' run under names of its own. Nothing of it is left after `remove`, which may be repeated, nor
 * when `make` fails.
 */
export async function createOwned<T>(make: (names: HostNames, remove: () => void) => Promise<T>): Promise<T> {
  const run = await openRun();
  const names = hostNames(run.id, run.nextIndex());
  let removed = false;
  const remove = (): void => {
    if (removed) return;
    removed = true;
    removeHost(names);
    run.release();
  };
  try {
    return await make(names, remove);
  } catch (error) {
    remove();
    throw error;
  }
}
