import { join } from 'node:path';
import { exec, readIfThere } from '../../cni/index.ts';
import { act, hasSystemd, isSo } from './host.ts';
import { dropInPath, marker, unitName, unitPath } from './unit-render.ts';

/** The service that runs the daemon on a root directory, or will at the next boot. */
export interface InstalledService {
  readonly isRunning: boolean;
}

const defaultRootDir = '/var/lib/kubelet';

/** Undefined when there is none, or it is not one that `podwright install` made. */
export async function serviceOn(rootDir: string, signal: AbortSignal): Promise<InstalledService | undefined> {
  if (!(await hasSystemd())) return undefined;
  if ((await readIfThere(unitPath))?.startsWith(marker) !== true) return undefined;
  const { stdout } = await exec(
    { file: 'systemctl', args: ['show', unitName, '--property=MainPID', '--value'] },
    signal,
  );
  const pid = Number(stdout.trim());
  const holder = Number(await readIfThere(join(rootDir, 'podwright.lock')));
  if (pid > 0) return pid === holder ? { isRunning: true } : undefined;
  return rootDir === defaultRootDir && (await isSo('is-enabled', unitName, signal)) ? { isRunning: false } : undefined;
}

/** The host is no node any more: the daemon stops, starts at no boot, and forgets the files of its cluster. */
export async function retireService(signal: AbortSignal): Promise<void> {
  await act({ do: 'stop' }, signal);
  if ((await readIfThere(dropInPath))?.startsWith(marker) !== true) return;
  await act({ do: 'remove', path: dropInPath }, signal);
  await act({ do: 'reload' }, signal);
}
