import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, createCluster, createHost, type DaemonHandle, type TestHost, until } from '../lab/index.ts';
import { proxierBinding } from './objects.ts';

/** Two nodes of podwright in a cluster: their pods reach each other by their own addresses. */
interface Node {
  readonly name: string;
  readonly host: TestHost;
  readonly args: readonly string[];
  daemon: DaemonHandle;
}

interface PodObject {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly podIP?: string; readonly conditions?: readonly { type: string; status: string }[] };
}

/** A pod that is ready, and the node that it runs on. */
interface Replica {
  readonly name: string;
  readonly address: string;
  readonly node: Node;
}

let cluster: Cluster;
const nodes: Node[] = [];

const deadlineMs = 120_000;
const serviceIp = '192.0.2.200';

const explain = (): string => nodes.map(({ name, daemon }) => `${name}: ${daemon.describe()}`).join('\n');
const eventually = <T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> =>
  until(what, deadlineMs, probe, { intervalMs: 200, explain });

const startDaemon = (host: TestHost, args: readonly string[], backend = 'auto'): DaemonHandle =>
  host.startDaemon({ args, kubelet: { podCIDR: '' }, podwright: { network: { backend } } });

beforeAll(async () => {
  cluster = await createCluster();
  await cluster.apply(proxierBinding());
  for (const name of ['n1', 'n2']) {
    const host = await createHost({ nodeName: name });
    const args = ['--kubeconfig', await cluster.createNodeKubeconfig(name)];
    nodes.push({ name, host, args, daemon: startDaemon(host, args) });
  }
  await cluster.apply(deployment, service);
});

afterAll(async () => {
  for (const { daemon } of nodes) await daemon.stop();
  for (const { host } of nodes) host.remove();
  cluster?.remove();
});

/** Answers with its name and the addresses that it has connections with: that of who asks is one of them. */
const answer = `echo $(hostname) $(netstat -tn | sed -nE 's/.*:8080 +(::ffff:)?([0-9.]+):.*(ESTAB|CLOSE_WAIT).*/\\2/p')`;
const labels = { app: 'web' };

/** One pod a node. */
const deployment = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 1,
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels } },
            ],
          },
        },
        containers: [
          {
            ...{ name: 'main', image: 'podwright-test/busybox:1' },
            command: ['nc', '-ll', '-p', '8080', '-e', 'sh', '-c', answer],
            readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
};

const service = {
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' } },
  spec: { clusterIP: serviceIp, selector: labels, ports: [{ port: 8080 }] },
};

async function kubectl(...args: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await cluster.kubectl(args, { timeoutMs: deadlineMs + 5_000 });
  if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stdout}${stderr}\n${explain()}`);
}

const rolledOut = (): Promise<void> =>
  kubectl('rollout', 'status', 'deployment/web', `--timeout=${deadlineMs / 1_000}s`);

/** Waits until there are as many pods as that. */
async function scale(count: number): Promise<void> {
  await kubectl('scale', 'deployment/web', `--replicas=${count}`);
  await eventually(`${count} pods`, async () => (await listPods()).length === count);
  await rolledOut();
}

const listPods = async (): Promise<readonly PodObject[]> =>
  ((await cluster.get('/api/v1/namespaces/default/pods')) as { readonly items: readonly PodObject[] }).items;

/** The pods of the Deployment, by node, when there is one that is ready on each. */
const replicas = (): Promise<readonly [Replica, Replica]> =>
  eventually('a pod on each node', async () => {
    const { items } = (await cluster.get('/api/v1/namespaces/default/pods')) as {
      readonly items: readonly PodObject[];
    };
    const [one, two] = nodes.flatMap((node) => items.flatMap((pod) => toReplica(pod, node)));
    return one !== undefined && two !== undefined && one.node !== two.node ? ([one, two] as const) : undefined;
  });

function toReplica({ metadata, spec, status }: PodObject, node: Node): Replica[] {
  const isReady = status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
  const { podIP } = status;
  if (metadata.deletionTimestamp !== undefined || spec.nodeName !== node.name || !isReady || !podIP) return [];
  return [{ name: metadata.name, address: podIP, node }];
}

/** The words that a pod is told when it asks at an address; none when nobody answers. */
async function ask({ name, node: { host } }: Replica, address: string): Promise<readonly string[]> {
  const command = ['nc', '-w', '5', address, '8080'];
  const { stdout } = await host.podwright(['exec', name, '--socket', host.podwrightSocket, '--', ...command]);
  return stdout.split(/\s+/).filter((word) => word !== '');
}

/** Each pod is known to the other one by its own address. */
async function reachEachOther([one, two]: readonly [Replica, Replica]): Promise<void> {
  for (const [from, to] of [[one, two] as const, [two, one] as const]) {
    const [name, ...clients] = await eventually(`${from.name} to be answered by ${to.name}`, async () => {
      const words = await ask(from, to.address);
      return words.length > 1 && words;
    });
    expect(name).toBe(to.name);
    expect(clients).toContain(from.address);
  }
}

/** Routes to pods of other nodes, as `<range> via <gateway> dev <link>`. */
async function routesOf({ host }: Node): Promise<readonly string[]> {
  const { stdout } = await host.exec('ip', ['route', 'show', 'proto', '112']);
  return stdout.split('\n').flatMap((line) => /^\S+ via \S+ dev \S+/.exec(line)?.[0] ?? []);
}

async function rangeOf(name: string): Promise<string | undefined> {
  const node = (await cluster.get(`/api/v1/nodes/${name}`)) as
    { readonly spec: { readonly podCIDR?: string } } | undefined;
  return node?.spec.podCIDR;
}

const pair = (): readonly [Node, Node] => {
  const [n1, n2] = nodes;
  if (n1 === undefined || n2 === undefined) throw new Error('two nodes are needed');
  return [n1, n2];
};

describe('pods of two nodes', () => {
  it('reach each other by their own addresses, through the nodes', async () => {
    await rolledOut();
    await reachEachOther(await replicas());
    const [n1, n2] = pair();
    expect(await routesOf(n1)).toEqual([`${await rangeOf('n2')} via ${n2.host.address} dev eth0`]);
    expect(await routesOf(n2)).toEqual([`${await rangeOf('n1')} via ${n1.host.address} dev eth0`]);
  });

  it('reach a Service with endpoints on both', async () => {
    for (const from of await replicas()) {
      const seen = new Set<string>();
      await eventually(`${from.name} to be answered by both`, async () => {
        const [name] = await ask(from, serviceIp);
        if (name !== undefined) seen.add(name);
        return seen.size === 2;
      });
      expect(seen).toEqual(new Set((await replicas()).map(({ name }) => name)));
    }
  });

  it('are replaced by kubectl rollout, and the new ones reach each other', async () => {
    const former = (await replicas()).map(({ name }) => name);
    await kubectl('rollout', 'restart', 'deployment/web');
    await rolledOut();
    const now = await replicas();
    expect(now.filter(({ name }) => former.includes(name))).toEqual([]);
    await reachEachOther(now);
  });

  it('reach each other through a tunnel, and without it again', async () => {
    const restart = async (backend: string): Promise<void> => {
      for (const node of nodes) {
        await node.daemon.stop();
        node.daemon = startDaemon(node.host, node.args, backend);
      }
    };
    const through = (link: string): Promise<true> =>
      eventually(`routes through ${link}`, async () => {
        const lines = await Promise.all(nodes.map(routesOf));
        return lines.every(([line, ...more]) => line?.endsWith(` dev ${link}`) === true && more.length === 0);
      });
    await restart('vxlan');
    await through('podwright.1');
    await reachEachOther(await replicas());
    await restart('auto');
    await through('eth0');
    await reachEachOther(await replicas());
    const { stdout } = await pair()[0].host.exec('ip', ['-o', 'link']);
    expect(stdout).not.toContain('podwright.1');
  });
});

describe('a node', () => {
  it('that is deleted loses its route, and has it again when it comes back', async () => {
    const [n1, n2] = pair();
    await scale(0);
    await n2.daemon.stop();
    await kubectl('delete', 'node', 'n2', '--wait=false');
    await eventually('the route to n2 to go', async () => (await routesOf(n1)).length === 0);
    n2.daemon = startDaemon(n2.host, n2.args);
    await eventually('the route to n2 to come back', async () => {
      const range = await rangeOf('n2');
      return range !== undefined && (await routesOf(n1)).includes(`${range} via ${n2.host.address} dev eth0`);
    });
    await scale(2);
    await reachEachOther(await replicas());
  });

  it('puts back routes that somebody removed, also without the API server', async () => {
    const [n1] = pair();
    const before = await routesOf(n1);
    expect(before).toHaveLength(1);
    const flush = async (): Promise<void> => {
      await n1.host.exec('ip', ['route', 'flush', 'proto', '112']);
      expect(await routesOf(n1)).toEqual([]);
    };
    const isBack = async (): Promise<boolean> => (await routesOf(n1)).join() === before.join();
    await flush();
    await eventually('the route to come back', isBack);
    await cluster.stopApiServer();
    await n1.daemon.kill9();
    await flush();
    n1.daemon = startDaemon(n1.host, n1.args);
    await eventually('the route to come back without the API server', isBack);
    await cluster.startApiServer();
    await reachEachOther(await replicas());
  });

  it('that is reset has no routes left', async () => {
    const { host, daemon } = pair()[1];
    await daemon.stop();
    const where = ['--config', host.configFile, '--root-dir', host.rootDir, '--manifests', host.manifestDir];
    const { exitCode, stdout, stderr } = await host.podwright(['reset', '--force', ...where], {
      timeoutMs: deadlineMs,
    });
    expect(exitCode, `${stdout}${stderr}`).toBe(0);
    expect(await routesOf(pair()[1])).toEqual([]);
    const { stdout: links } = await host.exec('ip', ['-o', 'link']);
    expect(links).not.toMatch(/cni0|podwright\.1/);
  });
});
