import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testImages } from '../lab/images.ts';
import { proxierBinding } from '../cluster/objects.ts';
import { createCluster, createHost, until, type Cluster, type DaemonHandle, type TestHost } from '../lab/index.ts';
import { apiState } from './api-state.ts';
import { filesState, type DesiredState } from './desired.ts';
import { chaosImages, serviceRange } from './objects.ts';

const instrument = new URL('./instrument.mjs', import.meta.url);

/** The host that is ill-treated, and its daemon, which is another one after each start. */
export interface World {
  readonly host: TestHost;
  /** Of which the host is a node. */
  readonly cluster: Cluster | undefined;
  readonly desired: DesiredState;
  /** With the files of instrument.mjs. */
  readonly dir: string;
  daemon(): DaemonHandle;
  startDaemon(): Promise<void>;
  /** Sets the daemon's wall clock off. */
  setClock(offsetMs: number): void;
  remove(): Promise<void>;
}

export interface WorldSize {
  readonly pods: number;
  readonly cluster: boolean;
}

/**
 * A host whose Docker keeps its containers while it is away, and whose root directory is a small file system of its own.
 * The daemon does not run yet.
 */
export async function createWorld(size: WorldSize): Promise<World> {
  const cluster = size.cluster ? await createControlPlane() : undefined;
  try {
    return await assemble(cluster, size.pods);
  } catch (error) {
    cluster?.remove();
    throw error;
  }
}

/** With addresses for all pods and Services. */
async function createControlPlane(): Promise<Cluster> {
  const cluster = await createCluster({ serviceCidr: serviceRange, nodeCidrMaskSize: 24 });
  await cluster.apply(proxierBinding());
  return cluster;
}

async function assemble(cluster: Cluster | undefined, pods: number): Promise<World> {
  const host = await createHost({ dockerArgs: ['--live-restore'], images: [...testImages, ...chaosImages] });
  const dir = join(host.dir, 'chaos');
  for (const directory of [dir, host.rootDir]) mkdirSync(directory, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', host.rootDir]);
  // Cluster IPs need a route, be it that nothing ever takes it.
  await host.exec('ip', ['route', 'add', serviceRange, 'dev', 'lo']);
  const files = filesState(host, pods);
  const desired = cluster === undefined ? files : apiState(cluster, host, files, pods);
  const options = cluster === undefined ? alone : await inCluster(cluster, host);
  let daemon: DaemonHandle | undefined;

  return {
    ...{ host, cluster, desired, dir },
    daemon: () => {
      if (daemon === undefined) throw new Error('no daemon was started');
      return daemon;
    },
    startDaemon: async () => {
      const started = startDaemon(host, dir, options);
      daemon = started;
      await until('a podwright that answers', 120_000, async () => host.status(), {
        explain: () => started.describe(),
      });
    },
    setClock: (offsetMs) => {
      writeFileSync(join(dir, 'clock.tmp'), String(offsetMs));
      renameSync(join(dir, 'clock.tmp'), join(dir, 'clock'));
    },
    remove: async () => {
      await desired.close();
      host.remove();
      cluster?.remove();
    },
  };
}

interface NodeOptions {
  readonly args: readonly string[];
  readonly kubelet: object;
  readonly podwright: Readonly<Record<string, unknown>>;
}

const alone: NodeOptions = { args: [], kubelet: {}, podwright: { serviceClusterIPRange: serviceRange } };

/** The Node says what addresses its pods have. Pods of the API would be evicted from a full disk, static ones are not. */
async function inCluster(cluster: Cluster, { name }: TestHost): Promise<NodeOptions> {
  const args = ['--kubeconfig', await cluster.createNodeKubeconfig(name)];
  return { args, kubelet: { podCIDR: '', evictionHard: { 'memory.available': '1Mi' } }, podwright: {} };
}

function startDaemon(host: TestHost, dir: string, { args, kubelet, podwright }: NodeOptions): DaemonHandle {
  return host.startDaemon({
    ...{ args, podwright, kubelet: { maxPods: 250, imageGCHighThresholdPercent: 100, ...kubelet } },
    // Chains that nothing leads to any more are deleted by a later synchronization.
    kubeProxy: { nftables: { syncPeriod: '5s' } },
    env: { PODWRIGHT_CHAOS_DIR: dir, NODE_OPTIONS: `--import=${fileURLToPath(instrument)}` },
  });
}
