import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeAbandonedFiles, writeFileAtomic } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import type { JsonObject } from '../objects/index.ts';
import type { SourceLog } from './log.ts';
import type { Round } from '../round.ts';
import { createWriteBehind } from '../write-behind.ts';

/** Writes are gathered this long: a burst of manifests must not fight with the runtime for the disk. Milliseconds. */
const GATHER_MS = 1_000;

/** What a checkpoint file holds: the objects of one manifest file that this node accepted last. */
interface Checkpoint {
  /** Path of the manifest file. */
  readonly file: string;
  /** As in the manifest, before defaulting. */
  readonly documents: readonly JsonObject[];
}

/**
 * The last good objects of each manifest file on disk, so that a daemon that starts while a manifest is broken goes on with what
 * it had. Secrets are among them, as they are in the manifests: directory and files are for their owner only.
 * Nothing waits for a write: {@link put} only notes what is to be written.
 */
export interface Checkpoints {
  /** Everything on disk, by path of the manifest file. Never rejects: what cannot be read is left out. */
  load(): Promise<ReadonlyMap<string, readonly JsonObject[]>>;
  /** Notes what a file stands for now; without documents its checkpoint is removed. */
  put(file: string, documents: readonly JsonObject[]): void;
  /** Writes what was noted until `signal` is aborted, and then what is left. */
  run(signal: AbortSignal): Promise<void>;
}

export function createCheckpoints(directory: string, clock: Clock, log: SourceLog, round?: Round): Checkpoints {
  const written = new Map<string, readonly JsonObject[]>();
  const pending = new Map<string, readonly JsonObject[]>();
  /** Digests of the texts on disk: a daemon that starts again has little to write. */
  const onDisk = new Map<string, string>();
  const { changed, run } = createWriteBehind({
    ...{ clock, round, gatherMs: GATHER_MS },
    write: async () => {
      for (const [file, documents] of [...pending]) {
        const text = JSON.stringify({ file, documents } satisfies Checkpoint);
        if (documents.length === 0) await rm(checkpointPath(directory, file), { force: true });
        else if (onDisk.get(file) !== digest(text)) await writeCheckpoint(directory, file, text);
        onDisk.set(file, digest(text));
        if (pending.get(file) === documents) pending.delete(file);
      }
      await removeAbandonedFiles(directory);
    },
    onError: (err) => log.warn({ err, directory }, 'cannot keep the last good manifests on disk'),
  });

  return {
    load: async () => {
      const checkpoints = await loadCheckpoints(directory, log);
      for (const checkpoint of checkpoints) onDisk.set(checkpoint.file, digest(JSON.stringify(checkpoint)));
      return new Map(checkpoints.map(({ file, documents }) => [file, documents]));
    },
    put: (file, documents) => {
      if (same(written.get(file), documents)) return;
      written.set(file, documents);
      pending.set(file, documents);
      changed();
    },
    run,
  };
}

/** What is unchanged is handed over as the same documents. */
function same(a: readonly JsonObject[] | undefined, b: readonly JsonObject[]): boolean {
  return a !== undefined && a.length === b.length && a.every((one, index) => one === b[index]);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Names of manifest files may be as long as a name can be: the checkpoint's name is a hash of the path. */
function checkpointPath(directory: string, file: string): string {
  return join(directory, `${digest(file).slice(0, 32)}.json`);
}

async function writeCheckpoint(directory: string, file: string, text: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // It may be there with another mode.
  await chmod(directory, 0o700);
  await writeFileAtomic(checkpointPath(directory, file), text, { mode: 0o600 });
}

async function loadCheckpoints(directory: string, log: SourceLog): Promise<readonly Checkpoint[]> {
  const names = await readdir(directory).catch(() => []);
  const loaded = await Promise.all(names.map((name) => loadCheckpoint(join(directory, name), log)));
  return loaded.filter((checkpoint) => checkpoint !== undefined);
}

/** Files that are no checkpoints are what a crash left behind while one was written: they are removed. */
async function loadCheckpoint(path: string, log: SourceLog): Promise<Checkpoint | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (isCheckpoint(value) && checkpointPath(join(path, '..'), value.file) === path) return value;
    await rm(path, { force: true });
  } catch (err) {
    log.warn({ err, path }, 'a checkpoint of a manifest cannot be read');
    await rm(path, { force: true }).catch(() => undefined);
  }
  return undefined;
}

function isCheckpoint(value: unknown): value is Checkpoint {
  if (typeof value !== 'object' || value === null) return false;
  return 'file' in value && typeof value.file === 'string' && 'documents' in value && Array.isArray(value.documents);
}
