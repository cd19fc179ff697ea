import { readIfThere } from '../../cni/index.ts';
import { type ApiConnection, loadKubeconfig, type OwnedApiClient } from '../api/index.ts';
import { exists, hostConfig, knownFlags } from '../bootstrap/join-cluster.ts';
import type { NodeFile } from '../bootstrap/node-files.ts';
import { readRecord } from '../bootstrap/record.ts';
import { startCommand } from '../bootstrap/start-render.ts';
import { startService } from '../bootstrap/start-service.ts';
import type { Clock } from '../clock.ts';
import { defaultRootDir } from '../config/merge.ts';
import { loadArchives } from './image-archives.ts';
import { renderEnd } from './init-end-render.ts';
import { manifestFiles } from './manifests/files-plan.ts';
import { caDirectories } from './manifests/mounts-plan.ts';
import { makeNodeFiles } from './node-files.ts';
import { makeKubeconfigs } from './pki/kubeconfigs.ts';
import { kubeconfigPlans } from './pki/kubeconfigs-plan.ts';
import { makePki } from './pki/make.ts';
import { preflight } from './preflight.ts';
import { type InitSettings, localEndpoint } from './settings.ts';
import { setUpCluster, waitForServer } from './set-up.ts';
import { makeDataDir, recordFile, recordOf, writeFiles } from './write.ts';

export interface InitDeps {
  readonly clock: Clock;
  readonly connect: (connection: ApiConnection) => OwnedApiClient;
  /** Tells the user, a line each. */
  readonly say: (line: string) => void;
}

/**
 * The phases of `kubeadm init`: preflight, certificates, kubeconfigs, static pods; then, once the daemon runs them, what every
 * cluster has. What is there and good stays, so that a run goes on from where an earlier one failed.
 *
 * @throws JoinError
 */
export async function initCluster(settings: InitSettings, deps: InitDeps, signal: AbortSignal): Promise<void> {
  const { say } = deps;
  const { paths, dryRun } = settings;
  say(`[init] Using Kubernetes version: ${settings.version.text}`);
  const config = await hostConfig(paths, settings);
  const record = await readRecord(settings.rootDir);
  if (!settings.skippedPhases.has('preflight')) await preflight(settings, config, record, say, signal);
  const { files, ca } = await makeFiles(settings, deps);
  if (dryRun) return sayFiles(files, say);
  await loadArchives(settings.imageArchives, config.dockerHost, say, signal);
  const newRecord = await recordOf(files, settings.etcdDataDir, record);
  await writeFiles([recordFile(paths.record, newRecord)], signal);
  await makeDataDir(settings.etcdDataDir);
  await writeFiles(files, signal);
  say(`[control-plane] Static pods of the control plane are in ${paths.manifests}`);
  await start(settings, deps, signal);
  const api = deps.connect(await rootConnection(settings));
  try {
    await waitForServer(settings, api, deps, signal);
    await setUpCluster(settings, ca, api, deps, signal);
  } finally {
    await api.close();
  }
  say(renderEnd(settings, ca));
}

interface NewFiles {
  /** In the order in which they are written: what starts pods is last. */
  readonly files: readonly NodeFile[];
  /** PEM of the cluster's authority. */
  readonly ca: string;
}

async function makeFiles(settings: InitSettings, { clock, say }: InitDeps): Promise<NewFiles> {
  const pkiDeps = { read: readIfThere, now: clock.now(), say };
  const pki = await makePki(settings, pkiDeps);
  const { ca } = pki.authorities;
  const [kubeconfigs, node, found] = await Promise.all([
    makeKubeconfigs(settings, ca, pkiDeps),
    makeNodeFiles(settings, ca, pkiDeps),
    Promise.all(caDirectories.map(exists)),
  ]);
  const pods = manifestFiles(settings, { caDirectories: caDirectories.filter((_, index) => found[index]) });
  return { files: [...pki.files, ...kubeconfigs, ...node, ...pods], ca: ca.certificate };
}

function sayFiles(files: readonly NodeFile[], say: (line: string) => void): void {
  for (const file of files) {
    say(`[dryrun] Would write ${file.path}`);
    if ('content' in file && file.path.endsWith('.yaml')) say(file.content);
  }
}

/** Where systemd runs, it runs the daemon from now on; elsewhere the user does. */
async function start(settings: InitSettings, { clock, say }: InitDeps, signal: AbortSignal): Promise<void> {
  const { rootDir, dockerHost } = settings;
  const flags = { ...(rootDir === defaultRootDir ? {} : { rootDir }), dockerHost };
  if (await startService(settings, flags, { clock, say }, signal)) return;
  const command = startCommand({ settings, known: knownFlags(), hasUnit: false });
  say(`[kubelet-start] Start podwright now, unless it runs: ${command}`);
}

/** The credentials that nothing has to be bound to, to the API server beside us: a shared endpoint may not be there yet. */
async function rootConnection(settings: InitSettings): Promise<ApiConnection> {
  const plans = kubeconfigPlans(settings);
  const { path } = plans.find(({ name }) => name === 'super-admin.conf') ?? plans[0] ?? { path: '' };
  return { ...(await loadKubeconfig(path)), server: `https://${localEndpoint(settings)}` };
}
