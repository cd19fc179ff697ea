import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Mount points under `directory`, the last mounted first, so that they can be unmounted in this order. */
export function mountsUnder(directory: string): readonly string[] {
  return mountPoints(readFileSync('/proc/self/mountinfo', 'utf8'))
    .filter((path) => path.startsWith(`${directory}/`))
    .toReversed();
}

/** proc_pid_mountinfo(5): the fifth field, with space, tab, newline and backslash in octal. */
function mountPoints(mountinfo: string): readonly string[] {
  return mountinfo
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((path) => path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))));
}

/**
 * Unmounts everything under `directory`. Throws when something stays, so that nobody goes on to remove files through a
 * mount that leads elsewhere.
 */
export function unmountUnder(directory: string): void {
  for (let round = 0; round < 5; round += 1) {
    const paths = mountsUnder(directory);
    if (paths.length === 0) return;
    unmount(paths);
  }
  const left = mountsUnder(directory);
  if (left.length > 0) throw new Error(`still mounted under ${directory}: ${left.join(', ')}`);
}

/** Lazily: a process that is just dying may hold the mount for some milliseconds more. */
function unmount(paths: readonly string[]): void {
  try {
    execFileSync('umount', ['--lazy', '--', ...paths.slice(0, 500)], { stdio: 'ignore' });
  } catch {
    // One of several may have been gone already; the next round sees what is left.
  }
}
