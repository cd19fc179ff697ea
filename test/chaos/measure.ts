import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../lab/index.ts';
import { compare } from './compare.ts';
import type { World } from './world.ts';

/** What the daemon's process holds. */
export interface Usage {
  /** Bytes of the heap in use after a full garbage collection. */
  readonly heap: number;
  /** Bytes. */
  readonly rss: number;
  /** What each file descriptor is: paths, and the kind of what has none. */
  readonly files: readonly string[];
}

/** After an idle time: timers of what is over have run, connections that nobody uses are closed. */
export async function measure(world: World, idleMs: number): Promise<Usage> {
  await delay(idleMs);
  const { pid } = world.daemon();
  const file = join(world.dir, 'memory.json');
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  await until('the garbage collection', 60_000, () => existsSync(file), { explain: () => world.daemon().describe() });
  const { heapUsed, rss } = JSON.parse(readFileSync(file, 'utf8')) as { heapUsed: number; rss: number };
  return { heap: heapUsed, rss, files: openFiles(pid) };
}

/** Connections to Docker are kept for the next question, more of them or fewer. */
const idleConnections = 8;

/** What has grown beyond what it may: the heap by a tenth and two megabytes, the descriptors not but for connections. */
export function growth(before: Usage, after: Usage): readonly string[] {
  const heapLimit = before.heap * 1.1 + 2e6;
  const filesLimit = before.files.length + idleConnections;
  return [
    ...(after.heap > heapLimit ? [`the heap grew from ${megabytes(before.heap)} to ${megabytes(after.heap)}`] : []),
    ...(after.files.length > filesLimit ? compare('file descriptor', before.files, after.files) : []),
  ];
}

export function describeUsage({ heap, rss, files }: Usage): string {
  return `heap ${megabytes(heap)}, RSS ${megabytes(rss)}, ${files.length} file descriptors`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Sockets and pipes have a number that says nothing. */
function openFiles(pid: number): readonly string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory)
    .flatMap((name) => {
      try {
        return readlinkSync(join(directory, name)).replace(/:\[\d+\]$/, '');
      } catch {
        return []; // closed meanwhile
      }
    })
    .sort();
}
