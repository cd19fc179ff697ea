import { lstat, readdir, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { RuntimePodSummary } from '../runtime/types.ts';
import { orphanedLogDirectories, orphanedLogLinks } from './log-sweep-plan.ts';

/** What is younger may be of a pod that began after the list was made. */
const minAgeMs = 60_000;

export interface LogSweepDeps {
  readonly podLogsDir: string;
  readonly containerLogsDir: string;
  /** UIDs of the pods that are wanted or still end; undefined while that is not known. */
  readonly knownPods: () => Iterable<string> | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: { info(fields: object, message: string): void };
}

/** Removes logs that nobody else removes; `pods` is what the runtime has. May be repeated. */
export type LogSweep = (pods: readonly RuntimePodSummary[], signal: AbortSignal) => Promise<void>;

/**
 * Removes the log directories of pods that are gone, and links to logs that are gone: what is left when containers were
 * removed behind the daemon's back, or while it did not run (kubelet: `kuberuntime_gc.go`, evictPodLogsDirectories).
 */
export function createLogSweep(deps: LogSweepDeps): LogSweep {
  return async (pods, signal) => {
    const known = deps.knownPods();
    if (known === undefined) return;
    const directories = await staleDirectories(deps, new Set([...known, ...pods.map(({ pod }) => pod.uid)]));
    const links = await danglingLinks(deps, new Set(pods.flatMap(({ containers }) => containers.map(({ id }) => id))));
    for (const path of directories) {
      signal.throwIfAborted();
      await rm(path, { recursive: true, force: true });
    }
    for (const path of links) await unlink(path).catch(ignoreMissing);
    if (directories.length + links.length > 0) {
      deps.log.info({ directories: directories.length, links: links.length }, 'logs of pods that are gone removed');
    }
  };
}

async function staleDirectories(deps: LogSweepDeps, knownUids: ReadonlySet<string>): Promise<readonly string[]> {
  const { podLogsDir } = deps;
  const paths = orphanedLogDirectories(await namesIn(podLogsDir), knownUids).map((name) => join(podLogsDir, name));
  return await filterAsync(paths, async (path) => await isOld(path, deps));
}

/** A link that leads somewhere stays: the log can still be read. */
async function danglingLinks(deps: LogSweepDeps, containerIds: ReadonlySet<string>): Promise<readonly string[]> {
  const { containerLogsDir } = deps;
  const names = orphanedLogLinks(await namesIn(containerLogsDir), containerIds);
  const paths = names.map((name) => join(containerLogsDir, name));
  return await filterAsync(paths, async (path) => (await isDangling(path)) && (await isOld(path, deps)));
}

async function filterAsync(
  paths: readonly string[],
  holds: (path: string) => Promise<boolean>,
): Promise<readonly string[]> {
  const verdicts = await Promise.all(paths.map(holds));
  return paths.filter((_, index) => verdicts[index]);
}

async function isOld(path: string, { now }: LogSweepDeps): Promise<boolean> {
  const found = await lstat(path).catch(ignoreMissing);
  return found !== undefined && now() - found.mtimeMs > minAgeMs;
}

async function isDangling(path: string): Promise<boolean> {
  return (await stat(path).catch(ignoreMissing)) === undefined;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory).catch(ignoreMissing)) ?? [];
}

function ignoreMissing(error: unknown): undefined {
  if (errorCode(error) !== 'ENOENT') throw error;
}
