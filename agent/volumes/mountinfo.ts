import { readFile } from 'node:fs/promises';
import { isWithin } from './paths.ts';

/** One line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). */
export interface MountInfo {
  readonly mountPoint: string;
  readonly fsType: string;
  /** What the file system calls it: a device, an export, or any text. */
  readonly source: string;
}

/** The mounts that this process sees, in the order in which they were made where they lie over each other. */
export async function readMounts(): Promise<readonly MountInfo[]> {
  return parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
}

/**
 * Parses mountinfo. Lines look like
 *
 *     36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 *
 * with any number of optional fields before the dash. Lines of another shape are left out.
 */
export function parseMountinfo(text: string): readonly MountInfo[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const mountPoint = fields[4];
    const dash = fields.indexOf('-', 6);
    const [fsType, source] = dash < 0 ? [] : fields.slice(dash + 1);
    if (mountPoint === undefined || fsType === undefined || source === undefined) return [];
    return [{ mountPoint: unescape(mountPoint), fsType, source: unescape(source) }];
  });
}

/** The mounts on `directory` itself and below it. */
export function mountsWithin<T extends Pick<MountInfo, 'mountPoint'>>(
  mounts: readonly T[],
  directory: string,
): readonly T[] {
  return mounts.filter(({ mountPoint }) => isWithin(mountPoint, directory));
}

/** The kernel escapes space, tab, newline, backslash and `#`, all ASCII, as three octal digits. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
