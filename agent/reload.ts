import { watch } from 'chokidar';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { messageOf } from '../cni/index.ts';
import { systemClock } from './clock.ts';
import type { LoadedConfig } from './config/index.ts';
import { type Round, uncounted } from './round.ts';
import { createWakeup } from './wakeup.ts';

/** Changes of files are gathered this long: an editor writes more than once. Milliseconds. */
const gatherMs = 500;
const forever = 2 ** 31 - 1;

/** Why a daemon ends that is to begin anew in the same process. */
export class ConfigChanged extends Error {
  override readonly name = 'ConfigChanged';

  constructor() {
    super('the configuration has changed');
  }
}

export interface ReloadOptions {
  /** Reads the configuration anew. Rejects with all that is wrong. */
  readonly load: () => Promise<LoadedConfig>;
  readonly current: LoadedConfig;
  /** Files that the configuration is made of; they need not be there. */
  readonly files: readonly string[];
  readonly log: Logger;
  readonly round?: Round;
}

/**
 * Waits for SIGHUP, or for a change of a file, that makes another valid configuration, and returns it. One that is wrong
 * is logged, and nothing changes.
 *
 * @throws the signal's reason when it is aborted
 */
export async function nextConfig(options: ReloadOptions, signal: AbortSignal): Promise<LoadedConfig> {
  const wakeup = createWakeup(systemClock);
  const watcher = watch([...options.files], { ignoreInitial: true }).on('all', wakeup.wake);
  watcher.on('error', (err) => options.log.warn({ err }, 'changes of the configuration are seen at SIGHUP only'));
  process.on('SIGHUP', wakeup.wake);
  try {
    for (;;) {
      await wakeup.sleep(forever, signal);
      await systemClock.sleep(gatherMs, signal);
      const next = await changed(options);
      if (next !== undefined) return next;
    }
  } finally {
    process.off('SIGHUP', wakeup.wake);
    await watcher.close();
  }
}

async function changed({ load, current, log, round = uncounted }: ReloadOptions): Promise<LoadedConfig | undefined> {
  try {
    const next = await round(load);
    if (!isDeepStrictEqual(next.config, current.config)) return next;
    log.info({}, 'the configuration is as it was');
  } catch (error) {
    log.error({ problem: messageOf(error) }, 'the new configuration is wrong: the old one stays in effect');
  }
  return undefined;
}
