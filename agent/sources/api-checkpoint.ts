import { mkdir, readFile, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, removeAbandonedFiles, writeFileAtomic } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import { type ApiWishes, parseCheckpoint, renderCheckpoint } from './api-checkpoint-plan.ts';
import type { SourceLog } from './log.ts';
import type { Round } from '../round.ts';
import { createWriteBehind } from '../write-behind.ts';

/** Changes are gathered this long. Milliseconds. */
const gatherMs = 1_000;

/** Where Secrets are kept beside the daemon's socket: below `/run`, which is in memory. */
export const secretsDirectory = ({ socketPath }: { readonly socketPath: string }): string =>
  join(dirname(socketPath), 'api');

/** What the API server last wanted, for a daemon that starts while the server is away. */
export interface ApiCheckpoint {
  /** What a former daemon kept. Never rejects: what is not there, or cannot be read, holds nothing. */
  load(): Promise<ApiWishes>;
  /** Notes what is wanted now; it is written a moment later. Lists of the same objects change nothing. */
  put(wishes: ApiWishes): void;
  /** Writes what was noted until `signal` is aborted, and then what is left. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ApiCheckpointOptions {
  /** On disk, for pods and what they name but Secrets. */
  readonly directory: string;
  /** For Secrets; they are not kept where it is not in memory. */
  readonly memoryDirectory: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: SourceLog;
  /** Counts a write. */
  readonly round?: Round;
}

export function createApiCheckpoint(options: ApiCheckpointOptions): ApiCheckpoint {
  const { directory, memoryDirectory, nodeName, clock, log, round } = options;
  const podsFile = join(directory, 'pods.json');
  const secretsFile = join(memoryDirectory, 'secrets.json');
  const written = new Map<string, string>();
  let last: ApiWishes | undefined;

  const read = async (path: string): Promise<ApiWishes> => {
    try {
      return parseCheckpoint(await readFile(path, 'utf8'), nodeName);
    } catch (err) {
      const isMissing = errorCode(err) === 'ENOENT';
      if (!isMissing) log.warn({ err, path }, 'what the API server last wanted cannot be read');
      return { pods: [], objects: [] };
    }
  };
  const write = async (path: string, text: string, sync: boolean): Promise<void> => {
    if (written.get(path) === text) return;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, text, { mode: 0o600, sync });
    written.set(path, text);
  };
  const writeSecrets = async (text: string): Promise<void> => {
    await mkdir(memoryDirectory, { recursive: true, mode: 0o700 });
    if (await isInMemory(memoryDirectory)) return write(secretsFile, text, false);
    await rm(secretsFile, { force: true });
  };
  const { changed, run } = createWriteBehind({
    ...{ clock, gatherMs, round },
    write: async () => {
      if (last === undefined) return;
      const texts = renderCheckpoint(last);
      await writeSecrets(texts.secrets);
      await write(podsFile, texts.pods, true);
      await Promise.all([directory, memoryDirectory].map(removeAbandonedFiles));
    },
    onError: (err) => log.warn({ err }, 'what the API server wants cannot be kept for a restart, will retry'),
  });

  return {
    load: async () => {
      const [{ pods, objects }, secrets] = await Promise.all([read(podsFile), read(secretsFile)]);
      return { pods, objects: [...objects, ...secrets.objects] };
    },
    put: (wishes) => {
      if (last !== undefined && isSame(wishes.pods, last.pods) && isSame(wishes.objects, last.objects)) return;
      last = wishes;
      changed();
    },
    run,
  };
}

/** What is unchanged is handed over as the same objects. */
function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}

/** `statfs` types of tmpfs and ramfs (linux/magic.h). */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

async function isInMemory(directory: string): Promise<boolean> {
  return inMemory.has((await statfs(directory)).type);
}
