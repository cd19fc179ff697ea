import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, createCluster, createHost, type DaemonHandle, type TestHost, until } from '../lab/index.ts';
import { podObject } from './objects.ts';
import { slowLink, startProgram } from './programs.ts';

/** A node whose API server comes and goes. */
let cluster: Cluster;
let host: TestHost;
let daemon: DaemonHandle;
let args: readonly string[];

const deadlineMs = 60_000;
const secret = 'a-secret-of-the-test';

interface PodObject {
  readonly metadata: { readonly uid: string };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[];
  };
}

beforeAll(async () => {
  cluster = await createCluster();
  host = await createHost({ nodeName: 'n1' });
  const memory = join(host.dir, 'run/api');
  mkdirSync(memory, { recursive: true, mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', memory]);
  args = ['--kubeconfig', await cluster.createNodeKubeconfig('n1')];
  daemon = startDaemon();
}, 120_000);

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
  cluster?.remove();
});

const startDaemon = (flags = args): DaemonHandle => host.startDaemon({ args: flags, kubelet: { podCIDR: '' } });

const explain = (): string => daemon.describe();
const eventually = <T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> =>
  until(what, deadlineMs, probe, { intervalMs: 200, explain });

const getPod = async (name: string): Promise<PodObject> =>
  (await cluster.get(`/api/v1/namespaces/default/pods/${name}`)) as PodObject;

const running = (name: string, restarts = 0): Promise<PodObject> =>
  eventually(`pod ${name} to run with ${restarts} restarts`, async () => {
    const pod = await getPod(name);
    const [status] = pod.status.containerStatuses ?? [];
    return pod.status.phase === 'Running' && status?.ready === true && status.restartCount === restarts
      ? pod
      : undefined;
  });

/** ID of the container of a pod that runs. */
const containerOf = async (pod: string): Promise<string | undefined> =>
  (await host.containers()).find(
    ({ Names, State }) => State === 'running' && Names.some((name) => name.includes(`k8s_main_${pod}_`)),
  )?.Id;

const successorOf = (pod: string, before: string): Promise<string> =>
  eventually(`another container of ${pod}`, async () => {
    const id = await containerOf(pod);
    return id !== before ? id : undefined;
  });

const kill = async (id: string): Promise<void> => {
  await host.docker.getContainer(id).kill();
};

/** What the container has been given of the objects that its pod names. */
const given = async (id: string): Promise<string> => {
  const path = `/proc/${(await host.docker.getContainer(id).inspect()).State.Pid}`;
  const environment = readFileSync(`${path}/environ`, 'utf8').split('\0');
  const file = readFileSync(`${path}/root/etc/settings/color`, 'utf8');
  return `${environment.find((entry) => entry.startsWith('PASSWORD=')) ?? ''} ${file}`;
};

const web = (): object => {
  const pod = podObject('web') as { readonly spec: { readonly containers: readonly object[] } };
  const container = {
    ...pod.spec.containers[0],
    env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'login', key: 'password' } } }],
    volumeMounts: [{ name: 'settings', mountPath: '/etc/settings' }],
  };
  const volumes = [{ name: 'settings', configMap: { name: 'settings' } }];
  return { ...pod, spec: { ...pod.spec, containers: [container], volumes } };
};

const named = (name: string): object => ({ name, namespace: 'default' });
const objects = [
  { apiVersion: 'v1', kind: 'Secret', metadata: named('login'), stringData: { password: secret } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: named('settings'), data: { color: 'blue' } },
];

describe('a node without its API server', () => {
  let id: string;

  it('keeps what the server wants, and Secrets in memory only', async () => {
    await cluster.apply(...objects, web(), podObject('other'));
    await running('web');
    await running('other');
    id = (await containerOf('web')) ?? '';
    expect(await given(id)).toBe(`PASSWORD=${secret} blue`);
    const file = join(host.dir, 'run/api/secrets.json');
    const encoded = Buffer.from(secret).toString('base64');
    await eventually('the Secret to be kept', async () => {
      return (await host.exec('grep', ['-q', encoded, file])).exitCode === 0;
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const kept = await host.exec('grep', ['-rlE', `${encoded}|${secret}`, join(host.rootDir, 'podwright')]);
    expect(kept.stdout).toBe('');
  });

  it('restarts containers', async () => {
    await cluster.stopApiServer('SIGKILL');
    await eventually('the loss to be told', async () => (await host.status()).node.apiServer?.reachable === false);
    await kill(id);
    id = await successorOf('web', id);
    expect(await given(id)).toBe(`PASSWORD=${secret} blue`);
  });

  it('does so after a crash of the daemon, which touches no container', async () => {
    const other = await containerOf('other');
    await daemon.kill9();
    daemon = startDaemon();
    host.drop('static.yaml', podObject('static'));
    await eventually('the static pod to run', () => containerOf('static-n1'));
    await host.waitForPod('web', ({ pod }) => pod.status?.phase === 'Running', deadlineMs);
    expect([await containerOf('web'), await containerOf('other')]).toEqual([id, other]);
    await kill(id);
    id = await successorOf('web', id);
    expect(await given(id)).toBe(`PASSWORD=${secret} blue`);
    const { stdout } = await host.podwright(['status', '--socket', host.podwrightSocket]);
    expect(stdout).toMatch(/^API server: +https:\/\/\S+ +away for \d+s: /m);
  });

  it('leaves pods alone that it knows nothing of', async () => {
    const before = [await containerOf('web'), await containerOf('other')];
    await daemon.kill9();
    await host.exec('rm', ['-rf', join(host.rootDir, 'podwright/api/pods.json')]);
    daemon = startDaemon();
    await daemon.waitForLog(({ msg }) => msg === 'first reconcile done', deadlineMs);
    await eventually('the static pod to be known', async () => (await host.status()).pods.length === 1);
    expect([await containerOf('web'), await containerOf('other')]).toEqual(before);
  });

  it('catches up when the server is back', async () => {
    await cluster.startApiServer();
    await running('web', 2);
    await running('other');
    expect(await containerOf('web')).toBe(id);
    const answers = daemon.log().filter(({ msg }) => msg === 'the API server answers');
    expect(answers.length).toBeGreaterThan(0);
    await cluster.kubectl(['delete', 'pod', 'web', '--grace-period=1', '--wait=false']);
    await eventually('web to be gone', async () => (await getPod('web')) === undefined);
    expect(await containerOf('web')).toBeUndefined();
  });

  it('carries out what was deleted while it was down, and goes on when etcd and the server are restarted', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `many-${index}`);
    await cluster.stopEtcd('SIGKILL');
    await cluster.startEtcd();
    await cluster.apply(...names.map((name) => podObject(name)));
    await cluster.stopApiServer('SIGKILL');
    await cluster.startApiServer();
    const count = async (): Promise<number> => {
      const ready = '{range .items[?(@.status.phase=="Running")]}x{end}';
      return (await cluster.kubectl(['get', 'pods', '-o', `jsonpath=${ready}`])).stdout.length;
    };
    await eventually('all pods to run', async () => (await count()) >= names.length + 1);
    await daemon.kill9();
    await cluster.kubectl(['delete', 'pods', '--all', '--grace-period=1', '--wait=false']);
    daemon = startDaemon();
    await eventually('all to be gone', async () =>
      (await host.containers()).every(({ Names }) => Names.every((name) => name.includes('static-n1'))),
    );
  });
});

describe('a node whose API server is in trouble', () => {
  const remove = async (...names: readonly string[]): Promise<void> => {
    const { exitCode, stderr } = await cluster.kubectl(['delete', 'pod', ...names, '--grace-period=1', '--wait=false']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  };
  const gone = (name: string): Promise<unknown> =>
    eventually(`pod ${name} to be gone`, async () => (await getPod(name)) === undefined);
  const stopControlPlane = async (): Promise<void> => {
    await cluster.stopApiServer();
    await cluster.stopEtcd();
  };
  const startControlPlane = async (): Promise<void> => {
    await cluster.startEtcd();
    await cluster.startApiServer();
  };
  const renewedAt = async (): Promise<number> => {
    const lease = (await cluster.get('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1')) as {
      readonly spec: { readonly renewTime: string };
    };
    return Date.parse(lease.spec.renewTime);
  };
  const slowPort = 7443;
  const readiness = async (): Promise<string> => {
    const jsonPath = '{range .status.conditions[?(@.type=="Ready")]}{.status} {.lastTransitionTime}{end}';
    return (await cluster.kubectl(['get', 'node', 'n1', '-o', `jsonpath=${jsonPath}`])).stdout;
  };
  /** Names of all containers of these pods, also of those that do not run. */
  const containersOf = async (names: readonly string[]): Promise<readonly string[]> =>
    (await host.containers())
      .flatMap(({ Names }) => Names)
      .map((name) => /k8s_main_([^_]+)_/.exec(name)?.[1] ?? '')
      .filter((name) => names.includes(name))
      .sort();
  it('stays ready, and starts each container once, while answers are late and get lost', async () => {
    const names = ['slow-0', 'slow-1', 'slow-2', 'slow-3', 'slow-4'];
    await eventually('the node to be ready', async () => (await readiness()).startsWith('True '));
    const before = await readiness();
    const link = startProgram(host, slowLink(cluster.host, cluster.port, slowPort));
    await eventually('the slow link', () => Promise.resolve(link.output().includes('listening')));
    const lost = [
      '-p',
      'tcp',
      '--dport',
      String(cluster.port),
      ...'-m statistic --mode random --probability 0.05'.split(' '),
    ];
    await host.exec('iptables', ['-A', 'OUTPUT', ...lost, '-j', 'DROP']);
    const [, kubeconfig = ''] = args;
    const slow = join(host.dir, 'slow.conf');
    const direct = readFileSync(kubeconfig, 'utf8');
    writeFileSync(slow, direct.replace(cluster.url, `https://127.0.0.1:${slowPort}`));
    await daemon.stop();
    daemon = startDaemon(['--kubeconfig', slow]);
    const since = Date.now();
    await cluster.apply(...names.map((name) => podObject(name)));
    for (const name of names) await running(name);
    expect(await containersOf(names)).toEqual(names);
    await remove('slow-0', 'slow-1');
    await gone('slow-0');
    await gone('slow-1');
    await eventually('a renewed lease', async () => (await renewedAt()) > since + 10_000);
    expect(await readiness()).toBe(before);
    expect(await containersOf(names)).toEqual(names.slice(2));
    await host.exec('iptables', ['-F', 'OUTPUT']);
    await link.kill();
    await daemon.stop();
    daemon = startDaemon();
    await remove(...names.slice(2));
    for (const name of names.slice(2)) await gone(name);
  });

  it('notices that its connections were cut without a word', async () => {
    const server = [cluster.host, String(cluster.port)] as const;
    const ports = await eventually('connections to the server', async () => {
      const { stdout } = await host.exec('ss', ['-tnH', 'state', 'established', 'dst', server.join(':')]);
      const found = stdout.split('\n').flatMap((line) => /:(\d+)\s+\S+:6443/.exec(line)?.[1] ?? []);
      return found.length > 0 ? found : undefined;
    });
    const tcp = ['-p', 'tcp', '-j', 'DROP'];
    for (const port of ports) {
      await host.exec('iptables', ['-A', 'OUTPUT', ...tcp, '--sport', port, '--dport', server[1]]);
      await host.exec('iptables', ['-A', 'INPUT', ...tcp, '--sport', server[1], '--dport', port]);
    }
    const since = Date.now();
    await cluster.apply(podObject('unheard'));
    await running('unheard');
    expect(Date.now() - since).toBeGreaterThan(1_000); // The watches were cut indeed.
    await host.exec('iptables', ['-F', 'INPUT']);
    await host.exec('iptables', ['-F', 'OUTPUT']);
  });

  it('goes on when the server has another certificate, and then when its data base is set back', async () => {
    const data = join(cluster.dir, 'etcd');
    await cluster.apply(podObject('deleted'), podObject('kept'));
    await running('deleted');
    await running('kept');
    await stopControlPlane();
    cpSync(data, `${data}-backup`, { recursive: true });
    await cluster.renewServingCertificate();
    await startControlPlane();

    await cluster.apply(podObject('new', { terminationGracePeriodSeconds: 1 }));
    await running('new');
    const id = (await containerOf('kept')) ?? '';
    await kill(id);
    await running('kept', 1);
    await remove('deleted');
    await gone('deleted');
    const restarted = await successorOf('kept', id);

    await stopControlPlane();
    renameSync(data, `${data}-lost`);
    renameSync(`${data}-backup`, data);
    await startControlPlane();
    expect((await getPod('new')) as unknown).toBeUndefined();
    await running('deleted');
    // Nothing changes on the node: what the server has forgotten is written again.
    await running('kept', 1);
    await eventually('what the server does not know to be gone', async () => (await containerOf('new')) === undefined);
    expect(await containerOf('kept')).toBe(restarted);
    // Bound already: the scheduler is slow to see that its server was set back.
    await cluster.apply(podObject('newest', { nodeName: 'n1' }));
    await running('newest');
  });
});
