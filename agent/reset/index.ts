import type { Logger } from 'pino';
import type { Config } from '../config/index.ts';
import { layFoundation } from '../daemon/foundation.ts';
import { createPodDeps } from '../daemon/pods.ts';
import { retireService, serviceOn } from '../install/index.ts';
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
 * @throws LockedError when a daemon runs on the root directory that is not the service's
 */
export async function reset(
  config: Config,
  { isDryRun, gracePeriod, log, say, confirm }: ResetOptions,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const service = await serviceOn(config.rootDir, signal);
  // Looking is harmless beside the daemon, which is stopped when all is confirmed.
  let lock = service?.isRunning === true ? undefined : await acquireLock(config.rootDir);
  try {
    const base = await layFoundation(config, log);
    // The Node's ranges need not be known to release what pods have: their networks are kept with them.
    base.network.setPodCidrs(config.podCidrs);
    await base.link.contact(signal);
    const listed = await base.runtime.listPods(signal);
    say(listed.length === 0 ? 'No pods are here' : `Pods that will be ended: ${listed.map(describePod).join(', ')}`);
    if (service !== undefined) say('Service that will be stopped and disabled: podwright.service');
    if (!isDryRun && !(await confirm())) return undefined;
    if (!isDryRun && service !== undefined) {
      await retireService(signal);
      lock ??= await acquireLock(config.rootDir);
    }
    const noManager = (): never => {
      throw new Error('a reset has no pod manager');
    };
    const deps = await createPodDeps(config, { ...base, objects: base.store, manager: noManager });
    const pods = await base.runtime.listPods(signal);
    return await runSteps(await resetSteps({ base, deps, pods, gracePeriod }), { isDryRun, say }, signal);
  } finally {
    await lock?.release();
  }
}
