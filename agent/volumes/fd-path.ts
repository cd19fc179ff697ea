import { constants } from 'node:fs';

/*
 * Node has no openat(2). A path through `/proc/self/fd/N` starts at the directory that descriptor N holds, wherever that
 * has been moved to meanwhile, so a chain of such paths, a component each, is the same walk.
 */

/**
 * The flags of an open that only pins what it finds, a symbolic link included: it needs no permission, never blocks, and
 * has no effect on devices. `O_PATH` is missing in Node's constants; it has this value on every machine that Node runs on.
 */
export const PIN_FLAGS = 0o10_000_000 | constants.O_NOFOLLOW;

export function fdPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** @param name one component: not empty, no slash, neither `.` nor `..` */
export function childPath(fd: number, name: string): string {
  return `${fdPath(fd)}/${name}`;
}
