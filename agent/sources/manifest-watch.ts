import { watch } from 'chokidar';
import { basename, resolve } from 'node:path';

/** A running watch of a directory. */
export interface DirectoryWatch {
  close(): Promise<void>;
}

/** What a watch tells. */
export interface WatchListener {
  /** The name changed: `written` in place, or else made, removed or renamed. */
  changed(name: string, written: boolean): void;
  /** Something changed that a look at one name does not show: look at all. */
  changedSomewhere(): void;
  failed(error: unknown): void;
}

/**
 * Watches the names of one directory, not what is beneath it.
 *
 * The kernel's events are taken as they come (chokidar's `raw`): its own `change` drops events that follow within 50 ms and its
 * `unlink` comes 100 ms late, both meant for development servers. `ignored` keeps chokidar from placing a watch of its own on
 * every file, whose events would only repeat the directory's.
 *
 * @param directory as it is, without symbolic links: chokidar compares names
 */
export function watchDirectory(directory: string, listener: WatchListener): DirectoryWatch {
  const own = basename(directory);
  const watcher = watch(directory, {
    depth: 0,
    ignoreInitial: true,
    ignored: (path) => resolve(path) !== directory,
  });
  watcher.on('raw', (event, name: string | null) => {
    // The kernel gives no name when its queue ran over; the directory's own name says that it is gone itself.
    if (name === null || name === '' || name === own) listener.changedSomewhere();
    // Kubernetes' atomic writer swaps a link `..data`, through which every file name leads.
    else if (name.startsWith('..')) listener.changedSomewhere();
    else listener.changed(name, event !== 'rename');
  });
  watcher.on('error', (error) => listener.failed(error));
  watcher.on('ready', () => listener.changedSomewhere());
  return { close: () => watcher.close() };
}
