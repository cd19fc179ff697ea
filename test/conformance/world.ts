import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { proxierBinding } from '../cluster/objects.ts';
import { createPki } from '../lab/cluster-pki.ts';
import { clusterProcess } from '../lab/cluster-processes.ts';
import { clusterPrograms, kubernetesPrograms } from '../lab/cluster-programs.ts';
import { writeImageArchive } from '../lab/image-archive.ts';
import { loadImageArchive } from '../lab/images.ts';
import { type Cluster, createCluster, createHost, type DaemonHandle, type TestHost, until } from '../lab/index.ts';
import { runIn } from '../lab/run-in.ts';
import { conformanceImages } from './images.ts';

/** A cluster whose nodes are podwright's, as the tests of Kubernetes expect one: with names, and a control plane that reaches pods. */
export interface World {
  readonly cluster: Cluster;
  readonly nodes: readonly Node[];
  /** Removes all. */
  end(): Promise<void>;
}

interface Node {
  readonly name: string;
  readonly host: TestHost;
  readonly daemon: DaemonHandle;
}

/** Of benchmarks (RFC 2544), for the tests make some hundred Services: the ranges of documentation are too small. */
const ranges = { serviceCidr: '198.19.0.0/16', podCidr: '198.18.0.0/16', nodeCidrMaskSize: 24 };
const nameServer = '198.19.0.10';

const deadlineMs = 120_000;

const imagePrograms = ['agnhost', 'nonewprivs', 'sample-apiserver'];

/** @param count of nodes */
export async function createWorld(count: number): Promise<World> {
  const cluster = await createCluster({ ...ranges, apiServerArgs: ['--enable-aggregator-routing=true'] });
  const nodes: Node[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(nodes.map(async ({ daemon }) => daemon.stop()));
    for (const { host } of nodes) host.remove();
    cluster.remove();
  };
  try {
    await cluster.apply(proxierBinding());
    const archive = join(cluster.dir, 'images.tar');
    await writeImages(archive, cluster.dir);
    for (let index = 1; index <= count; index += 1) nodes.push(await startNode(cluster, `node${index}`, archive));
    await until('the nodes to be ready', deadlineMs, async () => (await readyNodes(cluster)).length === count, {
      explain: () => nodes.map(({ daemon }) => daemon.describe()).join('\n'),
    });
    await connectControlPlane(cluster, nodes);
    await startNameServer(cluster);
    return { cluster, nodes, end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function writeImages(archive: string, dir: string): Promise<void> {
  const [agnhost = '', nonewprivs = '', sampleApiserver = ''] = await kubernetesPrograms(imagePrograms);
  const { etcd } = await clusterPrograms();
  const localhost = await (await createPki(join(dir, 'images'))).server('localhost', ['localhost', '127.0.0.1']);
  writeImageArchive(archive, conformanceImages({ localhost, agnhost, nonewprivs, sampleApiserver, etcd }));
}

async function startNode(cluster: Cluster, name: string, archive: string): Promise<Node> {
  const host = await createHost({ nodeName: name });
  // Without a route a packet to a Service without endpoints never comes to the rule that rejects it.
  await host.exec('ip', ['route', 'add', ranges.serviceCidr, 'via', cluster.host]);
  await loadImageArchive(host.docker, readFileSync(archive));
  const daemon = host.startDaemon({
    args: ['--kubeconfig', await cluster.createNodeKubeconfig(name)],
    kubelet: {
      ...{ podCIDR: '', clusterDNS: [nameServer], clusterDomain: 'cluster.local' },
      authentication: { x509: { clientCAFile: cluster.caFile }, webhook: { enabled: true } },
      authorization: { mode: 'Webhook' },
    },
  });
  return { name, host, daemon };
}

interface NodeObject {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly podCIDR?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function readyNodes({ get }: Cluster): Promise<readonly NodeObject[]> {
  const { items } = (await get('/api/v1/nodes')) as { readonly items: readonly NodeObject[] };
  return items.filter(({ status }) => status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'));
}

/** The control plane of the lab is no node, but webhooks, aggregated servers and what is behind its proxy are pods. */
async function connectControlPlane(cluster: Cluster, nodes: readonly Node[]): Promise<void> {
  const addresses = new Map(nodes.map(({ name, host }) => [name, host.address]));
  const [first] = addresses.values();
  const routes = (await readyNodes(cluster)).map(({ metadata, spec }) => [spec.podCIDR, addresses.get(metadata.name)]);
  for (const [range = '', via = ''] of [...routes, [ranges.serviceCidr, first]]) {
    const { exitCode, stderr } = await runIn({ netns: cluster.netns }, 'ip', ['route', 'add', range, 'via', via]);
    if (exitCode !== 0) throw new Error(`no route to ${range} by ${via}: ${stderr}`);
  }
}

/** A name server beside the control plane, behind the Service that pods know it by. */
async function startNameServer({ netns, host, dir, adminKubeconfig, apply }: Cluster): Promise<void> {
  const program = fileURLToPath(new URL('./dns-server.ts', import.meta.url));
  clusterProcess({
    ...{ netns, file: process.execPath, flags: {}, logFile: join(dir, 'logs', 'dns.log') },
    extraArgs: ['--import', 'tsx', program, adminKubeconfig, host],
  }).start();
  const ports = ['UDP', 'TCP'].map((protocol) => ({ name: `dns-${protocol.toLowerCase()}`, port: 53, protocol }));
  const metadata = { name: 'kube-dns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };
  await apply(
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: nameServer, ports } },
    { apiVersion: 'v1', kind: 'Endpoints', metadata, subsets: [{ addresses: [{ ip: host }], ports }] },
  );
}
