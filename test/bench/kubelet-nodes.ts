import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pauseImageArchive } from '../../agent/images/pause/archive.ts';
import { proxierBinding } from '../cluster/objects.ts';
import {
  type Cluster,
  createCluster,
  createHost,
  type DaemonHandle,
  loadImageArchive,
  type TestHost,
  until,
} from '../lab/index.ts';
import { namespacePath } from '../lab/names.ts';
import { cpuMs, rssMb } from './daemon.ts';
import type { ClientAnswer, ClientCommand } from './kubelet-client.ts';
import { type PeerPrograms, startPeer } from './kubelet-peer.ts';
import { runtimeArgs } from './kubelet-runtime.ts';
import { type ProbeTarget, sharedSettings } from './kubelet-pods.ts';

/** A node that is measured. */
export interface MeasuredNode {
  readonly name: string;
  /** Of what takes the kubelet's place. */
  readonly cpuMs: () => number;
  /** Of all that makes the node, in MB. */
  readonly rssMb: () => readonly number[];
  /** Ends what takes the kubelet's place and starts it again; resolves to when, milliseconds since the epoch. */
  readonly restart: () => Promise<number>;
  readonly host: TestHost;
}

/** One cluster, and a node of each kind in it on machines alike. */
export interface Nodes {
  readonly podwright: MeasuredNode;
  readonly kubelet: MeasuredNode;
  /** Milliseconds from the first request to the status Running, for each pod. */
  readonly create: (node: MeasuredNode, names: readonly string[], probed?: ProbeTarget) => Promise<readonly number[]>;
  /** Milliseconds from the first request to the end of the object, for each pod. */
  readonly delete: (names: readonly string[]) => Promise<readonly number[]>;
  readonly remove: () => void;
}

const deadlineMs = 120_000;

export async function createNodes(programs: PeerPrograms): Promise<Nodes> {
  const removals: (() => void)[] = [];
  const remove = (): void => removals.toReversed().forEach((one) => one());
  try {
    const cluster = await createCluster({ nodeCidrMaskSize: 25 });
    removals.push(() => cluster.remove());
    await cluster.apply(proxierBinding());
    const client = await startClient(cluster);
    removals.push(() => client.kill());
    const own = await createNodeHost('podwright', cluster);
    removals.push(() => own.remove());
    const podwright = await startPodwright(cluster, own);
    const other = await createNodeHost('kubelet', cluster);
    removals.push(() => other.remove());
    const kubelet = await startKubelet(programs, cluster, other, client);
    for (const { name } of [podwright, kubelet]) await waitUntilReady(cluster, name);
    return { podwright, kubelet, remove, ...calls(client) };
  } catch (error) {
    remove();
    throw error;
  }
}

function calls(client: ChildProcess): Pick<Nodes, 'create' | 'delete'> {
  const timesOf = async (command: ClientCommand): Promise<readonly number[]> => {
    const answer = await ask(client, command);
    return 'elapsedMs' in answer ? answer.elapsedMs : [];
  };
  return {
    create: async ({ name: node }, names, probed) =>
      timesOf({ do: 'create', node, names, ...(probed === undefined ? {} : { probed }) }),
    delete: async (names) => timesOf({ do: 'delete', names }),
  };
}

async function createNodeHost(nodeName: string, { serviceCidr, dir }: Cluster): Promise<TestHost> {
  const host = await createHost({ nodeName, dockerArgs: await runtimeArgs(dir) });
  await loadImageArchive(host.docker, await pauseImageArchive(process.arch === 'arm64' ? 'arm64' : 'amd64'));
  // Cluster IPs need a route, be it that nothing ever takes it.
  await host.exec('ip', ['route', 'add', serviceCidr, 'dev', 'lo']);
  return host;
}

async function startPodwright(cluster: Cluster, host: TestHost): Promise<MeasuredNode> {
  const args = ['--kubeconfig', await cluster.createNodeKubeconfig(host.name)];
  const start = (): DaemonHandle => host.startDaemon({ args, kubelet: { podCIDR: '', ...sharedSettings } });
  let daemon = start();
  const restart = async (): Promise<number> => {
    await daemon.stop();
    const launched = Date.now();
    daemon = start();
    return launched;
  };
  return { ...{ name: host.name, host, restart }, cpuMs: () => cpuMs(daemon.pid), rssMb: () => [rssMb(daemon.pid)] };
}

async function startKubelet(
  programs: PeerPrograms,
  cluster: Cluster,
  host: TestHost,
  client: ChildProcess,
): Promise<MeasuredNode> {
  const { startKubelet: start, kubeProxy, configureNetwork } = await startPeer(programs, cluster, host);
  let kubelet = start();
  const answer = await ask(client, { do: 'podCidr', node: host.name });
  if ('podCidr' in answer) configureNetwork(answer.podCidr);
  const pids = (): readonly [number, number] => [kubelet.pid ?? 0, kubeProxy.pid ?? 0];
  const restart = async (): Promise<number> => {
    const ended = once(kubelet, 'exit');
    kubelet.kill();
    await ended;
    const launched = Date.now();
    kubelet = start();
    return launched;
  };
  return { ...{ name: host.name, host, restart }, cpuMs: () => cpuMs(pids()[0]), rssMb: () => pids().map(rssMb) };
}

async function waitUntilReady(cluster: Cluster, name: string): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    const { status } = (await cluster.get(`/api/v1/nodes/${name}`)) as NodeObject;
    return status.conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  };
  await until(`node ${name} to be ready`, deadlineMs, isReady, { intervalMs: 500 });
}

interface NodeObject {
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

async function startClient({ netns, adminKubeconfig }: Cluster): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('./kubelet-client.ts', import.meta.url));
  const command = [`--net=${namespacePath(netns)}`, process.execPath, '--import', 'tsx', program, adminKubeconfig];
  const client = spawn('nsenter', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await receive(client);
  return client;
}

async function ask(client: ChildProcess, command: ClientCommand): Promise<ClientAnswer> {
  const answer = receive(client);
  client.send(command);
  return answer;
}

async function receive(client: ChildProcess): Promise<ClientAnswer> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const ended = once(client, 'exit', { signal }).then(() => {
    throw new Error('the client of the API server ended');
  });
  try {
    const [answer] = (await Promise.race([once(client, 'message', { signal }), ended])) as [ClientAnswer];
    return answer;
  } finally {
    ended.catch(() => undefined);
    waiting.abort();
  }
}
