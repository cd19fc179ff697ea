import { access, readdir } from 'node:fs/promises';
import { JoinError } from '../bootstrap/error.ts';
import { findKubelets, isTaken, kubeletPort } from '../bootstrap/preflight/gather.ts';
import { fatal, planPreflight, renderFindings } from '../bootstrap/preflight/plan.ts';
import type { HostRecord } from '../bootstrap/record.ts';
import { gather as gatherHost } from '../cli/check/gather.ts';
import { planChecks } from '../cli/check/plan.ts';
import type { Config } from '../config/index.ts';
import { etcdClientPort, etcdPeerPort } from './manifests/etcd-render.ts';
import { type InitFacts, planInitPreflight } from './preflight-plan.ts';
import { componentNames, type InitSettings } from './settings.ts';

/**
 * Looks at this host before anything is written.
 *
 * @param config of the daemon to be
 * @param record of an earlier run
 * @throws JoinError with all that stands in the way
 */
export async function preflight(
  settings: InitSettings,
  config: Config,
  record: HostRecord | undefined,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  say('[preflight] Running pre-flight checks');
  const isRerun = record?.files.includes(manifestPath(settings, 'kube-apiserver')) ?? false;
  const [host, portTaken, kubelets, facts] = await Promise.all([
    gatherHost(config, signal),
    isTaken(kubeletPort),
    findKubelets(),
    gatherInit(settings, record, isRerun),
  ]);
  const findings = [
    ...planPreflight({
      ...{ uid: process.getuid?.() ?? 0, nodeName: settings.nodeName, host: planChecks(host), kubelets },
      ...{ portTaken: portTaken && !isRerun, files: [], server: undefined },
      manifests: { path: settings.paths.manifests, names: [] },
    }),
    ...planInitPreflight(facts),
  ];
  const fatalOnes = fatal(findings, settings.ignoredErrors);
  const text = renderFindings(findings, fatalOnes);
  if (fatalOnes.length > 0) throw new JoinError(`this host cannot hold a control plane yet\n${text.trimEnd()}`);
  if (text !== '') say(text);
}

const manifestPath = ({ paths }: InitSettings, name: string): string => `${paths.manifests}/${name}.yaml`;

async function gatherInit(
  settings: InitSettings,
  record: HostRecord | undefined,
  isRerun: boolean,
): Promise<InitFacts> {
  const { bindPort, paths, etcdDataDir, imageArchives } = settings;
  const ports = [bindPort, 10259, 10257, etcdClientPort, etcdPeerPort];
  const files = [
    ...componentNames.map((name) => manifestPath(settings, name)),
    ...[paths.kubeconfig, paths.bootstrapKubeconfig],
  ].filter((path) => record?.files.includes(path) !== true);
  const [taken, exist, data, archives] = await Promise.all([
    Promise.all(ports.map(isTaken)),
    Promise.all(files.map(exists)),
    readdir(etcdDataDir).catch(() => []),
    Promise.all(imageArchives.map(exists)),
  ]);
  const isOwnData = record?.directories.includes(etcdDataDir) === true;
  return {
    takenPorts: ports.filter((_, index) => taken[index]),
    foreignFiles: files.filter((_, index) => exist[index]),
    foreignData: data.length > 0 && !isOwnData ? etcdDataDir : undefined,
    missingArchives: imageArchives.filter((_, index) => archives[index] !== true),
    isRerun,
  };
}

const exists = async (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
