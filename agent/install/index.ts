import { exec, readIfThere } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import { nodePaths } from '../bootstrap/paths.ts';
import { act, exists, gatherHost, ownProgram, serviceState } from './host.ts';
import {
  describeStep,
  type HostFacts,
  type InstalledGroup,
  planCriInstall,
  planInstall,
  planUninstall,
  type Step,
  type WantedFile,
} from './plan.ts';
import {
  type ClusterFiles,
  criServicePath,
  criSocketPath,
  defaultsPath,
  dropInPath,
  renderClusterDropIn,
  renderCriService,
  renderCriSocket,
  renderDefaults,
  renderUnit,
  unitPath,
} from './unit-render.ts';

export { hasSystemd } from './host.ts';
export { InstallRefused } from './plan.ts';
export { retireService, serviceOn } from './service.ts';

export interface InstallDeps {
  readonly clock: Clock;
  /** Tells the user, a line each. */
  readonly say: (line: string) => void;
}

export interface InstallOptions {
  /** Undefined: those of kubeadm where there is a kubeconfig, else the node stands alone. */
  readonly cluster?: ClusterFiles;
  readonly start: boolean;
  readonly isDryRun: boolean;
}

/**
 * Has systemd run the daemon; what is so already is left alone.
 *
 * @returns false when the service was started and does not run
 * @throws InstallRefused
 */
export async function install(options: InstallOptions, deps: InstallDeps, signal: AbortSignal): Promise<boolean> {
  const wanted = await wantedFiles(options.cluster ?? (await joinedCluster()));
  const facts = await factsFor(wanted, signal);
  const steps = planInstall(facts, wanted, { start: options.start });
  await carryOut(steps, options.isDryRun, deps, signal);
  const isStarted = steps.some((step) => step.do === 'start' || step.do === 'restart');
  return !isStarted || options.isDryRun || waitForService(deps, signal);
}

/**
 * Has systemd listen at the socket of CRI and start the endpoint when somebody connects. The daemon is left as it is.
 *
 * @throws InstallRefused
 */
export async function installCri(isDryRun: boolean, deps: InstallDeps, signal: AbortSignal): Promise<void> {
  const cri = await criGroup();
  await carryOut(planCriInstall(await factsFor(cri.files, signal), cri), isDryRun, deps, signal);
}

/**
 * Stops the daemon and removes what {@link install} and {@link installCri} made. Pods run on.
 *
 * @throws InstallRefused
 */
export async function uninstall(isDryRun: boolean, deps: InstallDeps, signal: AbortSignal): Promise<void> {
  const daemon: InstalledGroup = { files: await wantedFiles(kubeadmFiles()), unit: unitPath, stop: { do: 'stop' } };
  const groups = [daemon, await criGroup()];
  const facts = await factsFor(
    groups.flatMap(({ files }) => files),
    signal,
  );
  await carryOut(planUninstall(facts, groups), isDryRun, deps, signal);
}

const factsFor = (files: readonly WantedFile[], signal: AbortSignal): Promise<HostFacts> =>
  gatherHost(
    files.map(({ path }) => path),
    signal,
  );

/** kubeadm's own places, at which the kubelet finds the same files. */
function kubeadmFiles(): ClusterFiles {
  return nodePaths('/etc/kubernetes', '/var/lib/kubelet');
}

async function joinedCluster(): Promise<ClusterFiles | undefined> {
  const files = kubeadmFiles();
  return (await exists(files.kubeconfig)) ? files : undefined;
}

async function wantedFiles(cluster: ClusterFiles | undefined): Promise<readonly WantedFile[]> {
  return [
    { path: unitPath, content: renderUnit(await ownProgram()), owner: 'podwright' },
    {
      path: dropInPath,
      content: cluster === undefined ? await otherDropIn() : renderClusterDropIn(cluster),
      owner: 'podwright',
    },
    { path: defaultsPath, content: renderDefaults(), owner: 'user' },
  ];
}

async function criGroup(): Promise<InstalledGroup> {
  return {
    files: [
      { path: criSocketPath, content: renderCriSocket(), owner: 'podwright' },
      { path: criServicePath, content: renderCriService(await ownProgram()), owner: 'podwright' },
    ],
    unit: criSocketPath,
    stop: { do: 'unlisten' },
  };
}

/** One of a join that put the node's files elsewhere; without them it must go, as the daemon would not start. */
async function otherDropIn(): Promise<string | undefined> {
  const content = await readIfThere(dropInPath);
  const kubeconfig = /--kubeconfig=([^\s"]+)/.exec(content ?? '')?.[1];
  return kubeconfig !== undefined && (await exists(kubeconfig)) ? content : undefined;
}

async function carryOut(
  steps: readonly Step[],
  isDryRun: boolean,
  { say }: Pick<InstallDeps, 'say'>,
  signal: AbortSignal,
): Promise<void> {
  for (const step of steps) {
    say(`${isDryRun && step.do !== 'tell' ? 'Would: ' : ''}${describeStep(step)}`);
    if (isDryRun && step.do === 'write') for (const line of step.content.trimEnd().split('\n')) say(`    ${line}`);
    if (!isDryRun) await act(step, signal);
  }
}

const startTimeoutMs = 60_000;
const pollMs = 500;

/** @returns whether it is worth to go on: it is ready, or waits for something that may still come */
async function waitForService({ clock, say }: InstallDeps, signal: AbortSignal): Promise<boolean> {
  for (const end = clock.now() + startTimeoutMs; ;) {
    const { active, text, hasFailed } = await serviceState(exec, signal);
    if (active === 'active') {
      say(`The service runs: ${text}`);
      return true;
    }
    if (hasFailed) {
      say('The service does not start: journalctl -u podwright -n 50 says why');
      return false;
    }
    if (clock.now() >= end) {
      say(`The service is starting: ${text}. systemctl status podwright tells how it goes on`);
      return true;
    }
    await clock.sleep(pollMs, signal);
  }
}
