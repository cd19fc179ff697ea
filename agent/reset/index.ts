import type { Logger } from 'pino';
import type { Config } from '../config/index.ts';
import { layFoundation } from '../daemon/foundation.ts';
import { createPodDeps } from '../daemon/pods.ts';
import { acquireLock } from '../lock.ts';
import { describePod } from './pods.ts';
import { resetSteps, runSteps } from './steps.ts';

export interface ResetOptions {
  readonly isDryRun: boolean;
  /** Seconds; undefined for each pod's own. */
  readonly gracePeriod: number | undefined;
  readonly log: Logger;
  readonly say: (line: string) => void;
  /** Whether to go on, asked when all that runs has been told. */
  readonly confirm: () => Promise<boolean>;
}

/**
 * Removes all that podwright made on this host, and only that. Manifests, images, files of hostPath volumes and sysctls stay.
 *
 * @returns failures, each a line; undefined when it was not confirmed
 * @throws LockedError when a daemon runs on the root directory
 */
export async function reset(
  config: Config,
  { isDryRun, gracePeriod, log, say, confirm }: ResetOptions,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const lock = await acquireLock(config.rootDir);
  try {
    const base = await layFoundation(config, log);
    // The Node's ranges need not be known to release what pods have: their networks are kept with them.
    base.network.setPodCidrs(config.podCidrs);
    await base.link.contact(signal);
    const pods = await base.runtime.listPods(signal);
    const noManager = (): never => {
      throw new Error('a reset has no pod manager');
    };
    const deps = await createPodDeps(config, { ...base, objects: base.store, manager: noManager });
    say(pods.length === 0 ? 'No pods are here' : `Pods that will be ended: ${pods.map(describePod).join(', ')}`);
    const steps = await resetSteps({ base, deps, pods, gracePeriod });
    if (!isDryRun && !(await confirm())) return undefined;
    return await runSteps(steps, { isDryRun, say }, signal);
  } finally {
    await lock.release();
  }
}
