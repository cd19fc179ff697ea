import { setMaxListeners } from 'node:events';
import { join, resolve } from 'node:path';
import type { Clock } from '../clock.ts';
import { loadDocuments, type LoadedObjects } from '../objects/index.ts';
import { type Round, uncounted } from '../round.ts';
import { createCheckpoints, type Checkpoints } from './checkpoints.ts';
import { firstOwners, planClaims, type Owners } from './claims-plan.ts';
import type { FileHint } from './file-plan.ts';
import type { SourceLog } from './log.ts';
import { ManifestFile } from './manifest-file.ts';
import { isManifestName } from './manifest-names.ts';
import { listManifests, type DirectoryListing } from './manifest-read.ts';
import { watchDirectory, type DirectoryWatch } from './manifest-watch.ts';
import { FILE_SOURCE, NOTHING, sourceFrom } from './sourced.ts';
import type { SourceProblem, SourceSnapshot } from './types.ts';
import { createWakeup, type Wakeup } from '../wakeup.ts';

/** How often a directory that is missing or cannot be read is looked for (`retryPeriod`, pkg/kubelet/config/file_linux.go). */
const RETRY_MS = 1_000;

export interface ManifestOptions {
  /** The kubelet's `staticPodPath`. It may be missing, and may be a symbolic link. */
  readonly directory: string;
  readonly nodeName: string;
  /** Time between two looks at every file, for what no event told; the kubelet's `fileCheckFrequency`, 20,000. */
  readonly rescanMs: number;
  /** Where the last good version of each manifest is kept. */
  readonly checkpointDir: string;
  readonly clock: Clock;
  readonly log: SourceLog;
  /** Counts a look at the directory, and a write of checkpoints. */
  readonly rounds?: { readonly scan: Round; readonly write: Round };
  /** Called with everything that the directory wants, first when all its files were looked at, then on every change. */
  readonly onSnapshot: (snapshot: SourceSnapshot) => void;
}

/**
 * Watches a directory of manifests until `signal` is aborted, as the kubelet does (pkg/kubelet/config/file.go), with four differences:
 * other objects may lie beside the pods, half-written files are waited for, a file that turns invalid keeps its last good
 * objects, and of two files that claim one object the first keeps it. Problems are in the snapshot, and each is logged
 * once.
 */
export async function watchManifests(options: ManifestOptions, signal: AbortSignal): Promise<void> {
  const directory = new ManifestDirectory(options, signal);
  await directory.run();
}

class ManifestDirectory {
  readonly #options: ManifestOptions;
  readonly #signal: AbortSignal;
  readonly #path: string;
  readonly #checkpoints: Checkpoints;
  readonly #rescan: Wakeup;
  readonly #files = new Map<string, ManifestFile>();
  readonly #tasks = new Set<Promise<void>>();

  /** What checkpoints hold, by path; of use until the first snapshot. */
  #restored: ReadonlyMap<string, LoadedObjects> = new Map();
  #owners: Owners = new Map();
  #problem: SourceProblem | undefined;
  #logged: ReadonlySet<string> = new Set();
  #watch: DirectoryWatch | undefined;
  #watched: string | undefined;
  /** Names whose first look the first snapshot waits for; undefined before the directory was listed. */
  #unseen: Set<string> | undefined;
  #published = false;

  constructor(options: ManifestOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = ownSignal(signal);
    this.#path = resolve(options.directory);
    this.#checkpoints = createCheckpoints(options.checkpointDir, options.clock, options.log, options.rounds?.write);
    this.#rescan = createWakeup(options.clock);
  }

  async run(): Promise<void> {
    this.#restored = await this.#restore();
    this.#owners = ownersOf(this.#restored);
    const writer = this.#checkpoints.run(this.#signal);
    try {
      for (;;) {
        const pause = await (this.#options.rounds?.scan ?? uncounted)(() => this.#scan());
        await this.#rescan.sleep(pause, this.#signal);
      }
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    } finally {
      await this.#watch?.close();
      await Promise.all([...this.#tasks]);
      await writer;
    }
  }

  /** Looks at the directory and every file. Returns the time until the next scan, milliseconds. */
  async #scan(): Promise<number> {
    const listing = await listManifests(this.#path);
    await this.#follow(listing);
    this.#setProblem(listing);
    if (listing.is === 'unreadable') return RETRY_MS;
    const names = listing.is === 'listed' ? listing.names : [];
    this.#unseen ??= new Set(names);
    for (const name of new Set([...names, ...this.#files.keys()])) this.#touch(name);
    this.#publishFirst();
    return listing.is === 'missing' ? RETRY_MS : this.#options.rescanMs;
  }

  /** Keeps the watch on the directory that is at the path now. */
  async #follow(listing: DirectoryListing): Promise<void> {
    const identity = listing.is === 'listed' ? listing.identity : undefined;
    if (identity === this.#watched) return;
    this.#watched = identity;
    await this.#watch?.close();
    this.#watch = undefined;
    if (listing.is === 'listed') this.#watch = watchDirectory(listing.path, this.#listener());
  }

  #listener(): Parameters<typeof watchDirectory>[1] {
    return {
      changed: (name, written) => {
        if (isManifestName(name)) this.#touch(name, { written });
      },
      changedSomewhere: () => this.#rescan.wake(),
      failed: (err) => {
        // The next scan places a new watch; until then it is all there is.
        this.#watched = undefined;
        this.#options.log.warn(
          { err, directory: this.#path },
          'cannot watch the manifests: changes are found by rescans',
        );
      },
    };
  }

  #touch(name: string, hint?: FileHint): void {
    if (this.#signal.aborted) return;
    let file = this.#files.get(name);
    if (file === undefined) {
      file = this.#createFile(name);
      this.#files.set(name, file);
    }
    const task = file.touch(hint).catch((err: unknown) => {
      this.#options.log.error({ err, file: join(this.#path, name) }, 'cannot follow a manifest');
    });
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
  }

  #createFile(name: string): ManifestFile {
    const path = join(this.#path, name);
    const { nodeName, clock } = this.#options;
    return new ManifestFile(
      {
        path,
        nodeName,
        clock,
        restore: () => this.#restored.get(path) ?? NOTHING,
        onChange: () => this.#publish(),
        onLooked: () => {
          this.#unseen?.delete(name);
          this.#publishFirst();
        },
        onGone: () => {
          this.#files.delete(name);
          this.#checkpoints.put(path, []);
          this.#publish();
        },
      },
      this.#signal,
    );
  }

  async #restore(): Promise<ReadonlyMap<string, LoadedObjects>> {
    const { nodeName, clock } = this.#options;
    const from = { nodeName, seenAt: clock.now() };
    const checkpoints = await this.#checkpoints.load();
    return new Map(
      [...checkpoints].map(([origin, documents]) => [origin, loadDocuments(documents, { ...from, origin })]),
    );
  }

  #setProblem(listing: DirectoryListing): void {
    const problem = directoryProblem(listing, this.#path);
    if (problem?.message === this.#problem?.message) return;
    this.#problem = problem;
    if (this.#published) this.#publish();
    else this.#logNew(problem === undefined ? [] : [problem]);
  }

  #publishFirst(): void {
    if (this.#published || this.#unseen?.size !== 0) return;
    this.#published = true;
    this.#publish();
    const present = new Set([...this.#files.keys()].map((name) => join(this.#path, name)));
    for (const path of this.#restored.keys()) if (!present.has(path)) this.#checkpoints.put(path, []);
    this.#restored = new Map();
  }

  /** Tells what the directory wants now. Before the first look at every file is over there is nothing to tell. */
  #publish(): void {
    if (!this.#published || this.#signal.aborted) return;
    const files = [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
    const plan = planClaims(
      files.map((file) => file.claims()),
      this.#owners,
    );
    this.#owners = plan.owners;
    const accepted = new Set([...plan.pods.map(({ pod }) => pod), ...plan.objects.map(({ object }) => object)]);
    for (const file of files) this.#checkpoints.put(file.claims().origin, file.documents(accepted));
    const own = this.#problem === undefined ? [] : [this.#problem];
    const problems = [...own, ...files.flatMap((file) => file.problems()), ...plan.problems];
    this.#logNew(problems);
    this.#options.onSnapshot({ source: FILE_SOURCE, pods: plan.pods, objects: plan.objects, problems });
  }

  #logNew(problems: readonly SourceProblem[]): void {
    const { log } = this.#options;
    const keyed = problems.map((problem) => ({ problem, key: JSON.stringify(problem) }));
    for (const { problem, key } of keyed) {
      if (this.#logged.has(key)) continue;
      if (problem.severity === 'error') log.error({ problem }, 'manifest error');
      else log.warn({ problem }, 'manifest warning');
    }
    this.#logged = new Set(keyed.map(({ key }) => key));
  }
}

/** A signal that follows another and may have as many listeners as there are files to wait for. */
function ownSignal(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  if (signal.aborted) controller.abort(signal.reason);
  else signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
  return controller.signal;
}

/** A file that had an object when the daemon stopped keeps it. */
function ownersOf(restored: ReadonlyMap<string, LoadedObjects>): Owners {
  return firstOwners(
    [...restored].map(([origin, loaded]) => ({ origin, ...sourceFrom(loaded, origin), leaving: false })),
  );
}

function directoryProblem(listing: DirectoryListing, path: string): SourceProblem | undefined {
  switch (listing.is) {
    case 'listed':
      return undefined;
    case 'missing':
      return { origin: path, severity: 'error', message: 'the manifest directory does not exist: no static pods' };
    case 'unreadable':
      return { origin: path, severity: 'error', message: `the manifest directory cannot be read: ${listing.reason}` };
  }
}
