import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';

/** Tells when files appear in a directory. */
export interface Appearance {
  /** The time (`performance.now()`) at which the file was seen. Rejects after `deadlineMs`. */
  of(fileName: string, deadlineMs?: number): Promise<number>;
  close(): void;
}

/** By inotify: nothing polls while something is measured. */
export function watchAppearance(directory: string): Appearance {
  const waiting = new Map<string, (time: number) => void>();
  const watcher = watch(directory, (_, fileName) => {
    const found = waiting.get(fileName ?? '');
    if (found !== undefined && existsSync(join(directory, fileName ?? ''))) found(performance.now());
  });
  return {
    of: async (fileName, deadlineMs = 60_000) =>
      new Promise<number>((resolve, reject) => {
        const late = (): void => {
          waiting.delete(fileName);
          reject(new Error(`${fileName} did not appear within ${deadlineMs} ms`));
        };
        const timer = setTimeout(late, deadlineMs);
        waiting.set(fileName, (time) => {
          clearTimeout(timer);
          waiting.delete(fileName);
          resolve(time);
        });
      }),
    close: () => watcher.close(),
  };
}
