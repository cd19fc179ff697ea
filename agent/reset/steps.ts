import {
  exec,
  messageOf,
  removeBridge,
  removeNetworkRules,
  removeNetworkState,
  removeRoutes,
} from '../../cni/index.ts';
import { removeServiceRules } from '../../proxy/index.ts';
import type { Foundation } from '../daemon/foundation.ts';
import type { PodDeps } from '../pods/deps.ts';
import type { RuntimePodSummary } from '../runtime/types.ts';
import { delayPath, hasOwnDelay } from '../shutdown/index.ts';
import { describeFailures, sweepOrphans } from '../volumes/orphans.ts';
import { removeTree } from '../volumes/remove-tree.ts';
import { removeQosCgroups } from './cgroups.ts';
import { describePod, resetPod } from './pods.ts';
import { joinedDirectories, joinedFiles, knownUids, removeFiles, removeLogs, removeState } from './state.ts';

/** One thing that a reset does. It may be repeated, and what is gone already is no error. */
export interface ResetStep {
  /** `remove the rules of Services`, for people. */
  readonly what: string;
  /** Comes last, and only when nothing before it has failed: without it a second reset would not find what is left. */
  readonly needsAll?: true;
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export interface ResetParts {
  readonly base: Foundation;
  readonly deps: PodDeps;
  readonly pods: readonly RuntimePodSummary[];
  /** Seconds; undefined for each pod's own. */
  readonly gracePeriod: number | undefined;
}

/** What a reset does, in this order: what uses something goes before what it uses. */
export async function resetSteps({ base, deps, pods, gracePeriod }: ResetParts): Promise<readonly ResetStep[]> {
  const { config, network, runtime } = base;
  const { rootDir, podLogsDir, podCidrs, cni } = config;
  const uids = new Set([...(await knownUids(rootDir)), ...pods.map(({ pod }) => pod.uid)]);
  const files = await joinedFiles(rootDir);
  const directories = await joinedDirectories(rootDir);
  const remains = { exec, podCidrs, dataDir: cni.dataDir, cacheDir: cni.cacheDir };
  const runtimePods = async (signal: AbortSignal): Promise<ReadonlySet<string>> =>
    new Set((await runtime.listPods(signal)).flatMap(({ sandboxes }) => sandboxes.map(({ id }) => id)));
  return [
    ...pods.map((pod) => ({
      what: `end the pod ${describePod(pod)} and remove its containers, network, volumes and logs`,
      run: (signal: AbortSignal) => resetPod(deps, pod, gracePeriod, signal),
    })),
    {
      what: 'release addresses and host ports of pods that are gone',
      run: (signal) => network.gc(() => runtimePods(signal), signal),
    },
    {
      what: 'remove the rules of Services (iptables, IPVS, nftables)',
      run: (signal) => removeServiceRules(exec, signal),
    },
    {
      what: 'remove the rules of pod networks and host ports',
      run: (signal) => removeNetworkRules(exec, signal),
    },
    { what: 'remove the routes to pods of other nodes', run: (signal) => removeRoutes(exec, signal) },
    { what: 'remove the bridge of the built-in pod network', run: (signal) => removeBridge(remains, signal) },
    {
      what: `unmount and remove what pods left in ${rootDir}/pods`,
      run: async (signal) => {
        const failures = describeFailures(await sweepOrphans(rootDir, new Set(), exec, signal));
        if (failures !== undefined) throw new Error(failures);
      },
    },
    {
      what: 'remove the cgroups of pods',
      run: async (signal) => {
        for (const uid of await deps.podCgroups.podUids()) {
          if (uids.has(uid)) await deps.podCgroups.removePod(uid, signal);
        }
        await removeQosCgroups(deps.cgroups(), exec, signal);
      },
    },
    { what: `remove the pods' logs in ${podLogsDir} and the links to them`, run: () => removeLogs(config, uids) },
    { what: `remove leases of addresses in ${cni.dataDir}`, run: () => removeNetworkState(remains) },
    ...(files.length === 0
      ? []
      : [{ what: `remove what podwright join or init wrote: ${files.join(', ')}`, run: () => removeFiles(files) }]),
    ...directories.map((directory) => ({
      what: `remove the control plane's data in ${directory}`,
      run: (signal: AbortSignal) => removeTree(directory, signal),
    })),
    ...((await hasOwnDelay())
      ? [{ what: `remove ${delayPath}, which has shutdowns wait for pods`, run: () => removeFiles([delayPath]) }]
      : []),
    {
      what: `remove podwright's state in ${rootDir}`,
      needsAll: true,
      run: (signal) => removeState(config, signal),
    },
  ];
}

/**
 * Carries the steps out, whichever fail.
 *
 * @param say is told each line
 * @returns messages of those that failed
 */
export async function runSteps(
  steps: readonly ResetStep[],
  { isDryRun, say }: { readonly isDryRun: boolean; readonly say: (line: string) => void },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const { what, needsAll, run } of steps) {
    signal.throwIfAborted();
    if (needsAll === true && failures.length > 0) {
      say(`Skipped, as something failed before: ${what}`);
      continue;
    }
    say(isDryRun ? `Would ${what}` : `${what.charAt(0).toUpperCase()}${what.slice(1)}`);
    if (isDryRun) continue;
    await run(signal).catch((error: unknown) => {
      signal.throwIfAborted();
      failures.push(`cannot ${what}: ${messageOf(error)}`);
    });
  }
  return failures;
}
