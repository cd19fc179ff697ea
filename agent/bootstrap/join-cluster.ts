import { access } from 'node:fs/promises';
import { hostname } from 'node:os';
import { runFlags } from '../cli/flags.ts';
import { type Config, loadConfig } from '../config/index.ts';
import { JoinError } from './error.ts';
import { bootstrap, discover, type JoinDeps } from './join.ts';
import { findMembership } from './joined.ts';
import { writeNodeFiles } from './node-files.ts';
import type { NodePaths } from './paths.ts';
import { gatherPreflight } from './preflight/gather.ts';
import { fatal, fileFinding, planPreflight, renderFindings } from './preflight/plan.ts';
import type { JoinFlags, JoinSettings } from './settings.ts';
import { startAdvice } from './start-render.ts';
import { startService } from './start-service.ts';

/**
 * The phases of `kubeadm join` for a worker: preflight, discovery, kubelet-start. Harmless on a node that has joined.
 *
 * @throws JoinError when this host did not join; it is then as it was
 */
export async function joinCluster(
  settings: JoinSettings,
  flags: JoinFlags,
  deps: JoinDeps,
  signal: AbortSignal,
): Promise<void> {
  const { say } = deps;
  const membership = await findMembership(settings, deps.connect, signal);
  if (membership.state === 'joined') {
    say(`This node has joined the cluster at ${membership.server} already; nothing is to be done.`);
    return;
  }
  const ignored = membership.state === 'broken' ? ownFindings(settings) : [];
  if (!settings.skippedPhases.has('preflight')) {
    const ignoredErrors = new Set([...settings.ignoredErrors, ...ignored]);
    await preflight({ ...settings, ignoredErrors }, flags, deps, signal);
  }
  if (membership.state === 'broken') say(`[preflight] ${settings.paths.kubeconfig} is replaced: ${membership.problem}`);
  const cluster = await discover(settings, deps, signal);
  const files = await bootstrap(settings, cluster, deps, signal);
  if (settings.dryRun) {
    for (const { path } of files) say(`[dryrun] Would write ${path}`);
    return;
  }
  await writeNodeFiles(files, signal);
  for (const { path } of files) say(`[kubelet-start] Writing ${path}`);
  const isStarted = await startService(settings, flags, deps, signal);
  say(startAdvice({ settings, known: knownFlags(), hasUnit: false }, isStarted));
}

/** What a node whose certificate has ended is expected to have: the files of its former join, and a daemon with its pods. */
function ownFindings({ paths }: JoinSettings): readonly string[] {
  const files = [paths.certificateAuthority, paths.kubeconfig, paths.bootstrapKubeconfig];
  return ['port-10250', ...files.map((path) => fileFinding(path).toLowerCase())];
}

async function preflight(
  settings: JoinSettings,
  { rootDir, dockerHost }: JoinFlags,
  { get, say }: JoinDeps,
  signal: AbortSignal,
): Promise<void> {
  say('[preflight] Running pre-flight checks');
  const config = await hostConfig(settings.paths, { rootDir, dockerHost });
  const findings = planPreflight(await gatherPreflight(settings, config, get, signal));
  const fatalOnes = fatal(findings, settings.ignoredErrors);
  const text = renderFindings(findings, fatalOnes);
  if (fatalOnes.length > 0) throw new JoinError(`this host cannot join yet\n${text.trimEnd()}`);
  if (text !== '') say(text);
}

/** The configuration of the daemon to be, as far as it says where things of this host are. */
export async function hostConfig(
  { manifests }: Pick<NodePaths, 'manifests'>,
  { rootDir, dockerHost }: { readonly rootDir?: string | undefined; readonly dockerHost?: string | undefined },
): Promise<Config> {
  const flags = {
    manifests,
    ...(rootDir === undefined ? {} : { rootDir }),
    ...(dockerHost === undefined ? {} : { dockerHost }),
    hostnameOverride: 'node', // A name that is wrong is a finding of its own.
  };
  const { config } = await loadConfig(flags, {
    readFile: async () => Promise.reject(new Error('there is no file')),
    env: process.env,
    hostname: hostname(),
    cwd: process.cwd(),
  });
  return config;
}

/** Names of the daemon's flags, without dashes. */
export function knownFlags(): ReadonlySet<string> {
  return new Set(runFlags.map(([usage]) => /--([a-z-]+)/.exec(usage)?.[1] ?? ''));
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
