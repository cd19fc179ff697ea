import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, createCluster, createHost, type DaemonHandle, type TestHost, until } from '../lab/index.ts';
import { podObject } from './objects.ts';

/** A node of podwright in a cluster, and what kubectl sees of it. */
let cluster: Cluster;
let host: TestHost;
let daemon: DaemonHandle;
let args: readonly string[];

const deadlineMs = 60_000;

interface NodeObject {
  readonly metadata: { readonly uid: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly podCIDR?: string };
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
    readonly [field: string]: unknown;
  };
}

interface PodObject {
  readonly metadata: { readonly uid: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[];
  };
}

beforeAll(async () => {
  cluster = await createCluster();
  host = await createHost({ nodeName: 'n1' });
  args = ['--kubeconfig', await cluster.createNodeKubeconfig('n1')];
  daemon = startDaemon();
}, 120_000);

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
  cluster?.remove();
});

/** The Node says what addresses its pods have. */
const startDaemon = (): DaemonHandle => host.startDaemon({ args, kubelet: { podCIDR: '' } });

const explain = (): string => daemon.describe();
const eventually = <T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> =>
  until(what, deadlineMs, probe, { intervalMs: 100, explain });

const getPod = async (name: string): Promise<PodObject> =>
  (await cluster.get(`/api/v1/namespaces/default/pods/${name}`)) as PodObject;

const running = (name: string): Promise<PodObject> =>
  eventually(`pod ${name} to run`, async () => {
    const pod = await getPod(name);
    return pod.status.phase === 'Running' && pod.status.containerStatuses?.[0]?.ready === true ? pod : undefined;
  });

const gone = (name: string): Promise<true> =>
  eventually(`pod ${name} to be gone`, async () => {
    const { exitCode, stderr } = await cluster.kubectl(['get', 'pod', name]);
    return exitCode !== 0 && stderr.includes('NotFound');
  });

describe('a node', () => {
  it('registers, gets addresses for its pods, is ready, and renews its lease', async () => {
    const node = await eventually('the node to be ready', async () => {
      const found = (await cluster.get('/api/v1/nodes/n1')) as NodeObject;
      const ready = found.status.conditions.find(({ type }) => type === 'Ready');
      return ready?.status === 'True' ? found : undefined;
    });
    const conditions = node.status.conditions.map(({ type, status }) => `${type}=${status}`);
    expect(conditions.sort()).toEqual([
      'DiskPressure=False',
      'MemoryPressure=False',
      'NetworkUnavailable=False',
      'PIDPressure=False',
      'Ready=True',
    ]);
    expect(node.metadata.labels).toMatchObject({ 'kubernetes.io/hostname': 'n1', 'kubernetes.io/os': 'linux' });
    expect(node.spec.podCIDR).toMatch(/^203\.0\.113\.\d+\/27$/);
    expect(node.status).toMatchObject({
      addresses: expect.arrayContaining([{ type: 'InternalIP', address: host.address }]) as unknown,
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      nodeInfo: { containerRuntimeVersion: expect.stringMatching(/^docker:\/\/\d/) as string },
      capacity: { pods: '110' },
    });
    const lease = await cluster.get('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1');
    expect(lease).toMatchObject({
      metadata: { ownerReferences: [{ kind: 'Node', name: 'n1', uid: node.metadata.uid }] },
      spec: { holderIdentity: 'n1', leaseDurationSeconds: 40 },
    });
  });
});

describe('a pod', () => {
  it('is bound, runs, tells its status, and goes when it is deleted', async () => {
    await cluster.apply(podObject('web'));
    const pod = await running('web');
    expect(pod.status.podIP).toMatch(/^203\.0\.113\./);
    expect((await host.containers()).map(({ Names }) => Names[0])).toContainEqual(
      expect.stringContaining(`k8s_main_web_default_${pod.metadata.uid}_0`),
    );
    const { exitCode } = await cluster.kubectl(['delete', 'pod', 'web', '--grace-period=1', '--wait=false']);
    expect(exitCode).toBe(0);
    await gone('web');
    await eventually('nothing to be left of it', async () => (await host.leaks()).length === 0);
  });

  it('survives the daemon: no restart, and a deletion meanwhile is made up for', async () => {
    await cluster.apply(podObject('stays'), podObject('goes'));
    const before = await running('stays');
    await running('goes');
    await daemon.kill9();
    await cluster.kubectl(['delete', 'pod', 'goes', '--grace-period=1', '--wait=false']);
    daemon = startDaemon();
    await gone('goes');
    const after = await running('stays');
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status.podIP).toBe(before.status.podIP);
    expect(after.status.containerStatuses?.[0]?.restartCount).toBe(0);
    await cluster.kubectl(['delete', 'pod', 'stays', '--grace-period=1', '--wait=false']);
    await gone('stays');
  });
});
