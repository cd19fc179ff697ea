import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testImages } from '../lab/images.ts';
import { createHost, until, type DaemonHandle, type TestHost } from '../lab/index.ts';
import { chaosImages, podName, podObject, serviceName, serviceObject, serviceRange } from './objects.ts';
import type { Change, Wanted } from './plan.ts';

const instrument = new URL('./instrument.mjs', import.meta.url);

/** The host that is ill-treated, and its daemon, which is another one after each start. */
export interface World {
  readonly host: TestHost;
  /** With the files of instrument.mjs. */
  readonly dir: string;
  /** The number of pods. */
  readonly pods: number;
  daemon(): DaemonHandle;
  startDaemon(): Promise<void>;
  /** Sets the daemon's wall clock off. */
  setClock(offsetMs: number): void;
  change(change: Change): void;
}

/**
 * A host whose Docker keeps its containers while it is away, and whose root directory is a small file system of its own.
 * The daemon does not run yet.
 */
export async function createWorld(pods: number): Promise<World> {
  const host = await createHost({ dockerArgs: ['--live-restore'], images: [...testImages, ...chaosImages] });
  const dir = join(host.dir, 'chaos');
  for (const directory of [dir, host.rootDir]) mkdirSync(directory, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', host.rootDir]);
  // Cluster IPs need a route, be it that nothing ever takes it.
  await host.exec('ip', ['route', 'add', serviceRange, 'dev', 'lo']);
  let daemon: DaemonHandle | undefined;

  return {
    ...{ host, dir, pods },
    daemon: () => {
      if (daemon === undefined) throw new Error('no daemon was started');
      return daemon;
    },
    startDaemon: async () => {
      const started = startDaemon(host, dir);
      daemon = started;
      await until('a podwright that answers', 120_000, async () => host.status(), {
        explain: () => started.describe(),
      });
    },
    setClock: (offsetMs) => {
      writeFileSync(join(dir, 'clock.tmp'), String(offsetMs));
      renameSync(join(dir, 'clock.tmp'), join(dir, 'clock'));
    },
    change: (change) => applyChange(host, change, pods),
  };
}

/** The changes that bring about what is wanted on an empty host. */
export function changesTo({ revisions, services }: Wanted): readonly Change[] {
  return [
    ...revisions.map((revision, pod) => ({ kind: 'pod' as const, pod, revision })),
    ...services.map((there, service) => ({ kind: 'service' as const, service, there })),
  ];
}

function startDaemon(host: TestHost, dir: string): DaemonHandle {
  return host.startDaemon({
    kubelet: { maxPods: 250, imageGCHighThresholdPercent: 100 },
    podwright: { serviceClusterIPRange: serviceRange },
    // Chains that nothing leads to any more are deleted by a later synchronization.
    kubeProxy: { nftables: { syncPeriod: '5s' } },
    env: { PODWRIGHT_CHAOS_DIR: dir, NODE_OPTIONS: `--import=${fileURLToPath(instrument)}` },
  });
}

function applyChange(host: TestHost, change: Change, pods: number): void {
  const [file, object] =
    change.kind === 'pod'
      ? [podName(change.pod), change.revision > 0 && podObject(change.pod, change.revision, pods)]
      : [serviceName(change.service), change.there && serviceObject(change.service)];
  if (object === false) host.removeManifest(`${file}.yaml`);
  else host.drop(`${file}.yaml`, object);
}
