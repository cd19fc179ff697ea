/*
 * What a pod's fsGroup changes on a volume (`pkg/volume/volume_linux.go`, SetVolumeOwnership): all belongs to the group; the
 * group may read, and write unless the volume is read-only; directories may be entered by it, and carry the set-group-ID
 * bit so that new files belong to it too.
 */

/** What the mode of a file depends on. */
export interface GroupRights {
  readonly isDirectory: boolean;
  readonly readOnly: boolean;
}

const READ_WRITE = 0o660;
const READ_ONLY = 0o440;
const DIRECTORY = 0o2110;

/** A mode with what the group needs added. */
export function groupMode(mode: number, { isDirectory, readOnly }: GroupRights): number {
  return (mode & 0o7777) | (readOnly ? READ_ONLY : READ_WRITE) | (isDirectory ? DIRECTORY : 0);
}

/** True when the root of a volume already is as an fsGroup wants it; then so is all below, since the root comes last. */
export function isRootOfGroup(
  root: { readonly gid: number; readonly mode: number },
  fsGroup: number,
  readOnly: boolean,
): boolean {
  const mode = root.mode & 0o7777;
  return root.gid === fsGroup && mode === groupMode(mode, { isDirectory: true, readOnly });
}
