import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, createCluster, createHost, type DaemonHandle, type TestHost, until } from '../lab/index.ts';
import { kubectlProgram } from '../lab/cluster-programs.ts';
import { httpGet } from '../e2e/manifests.ts';
import { podObject, proxierBinding, serviceObject, webPodObject } from './objects.ts';

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
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[];
  };
}

beforeAll(async () => {
  const gates = ['--feature-gates=GenericEphemeralVolume=true'];
  cluster = await createCluster({ apiServerArgs: gates, controllerManagerArgs: gates, schedulerArgs: gates });
  await cluster.apply(proxierBinding());
  host = await createHost({ nodeName: 'n1', dockerArgs: ['--add-runtime', 'other=runc'] });
  // Cluster IPs need a route, be it that nothing ever takes it.
  await host.exec('ip', ['route', 'add', cluster.serviceCidr, 'dev', 'lo']);
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

const eventReasons = async (pod: string): Promise<readonly string[]> => {
  const fields = `--field-selector=involvedObject.name=${pod}`;
  const { stdout } = await cluster.kubectl(['get', 'events', fields, '-o', 'jsonpath={.items[*].reason}']);
  return stdout.split(' ');
};

const running = (name: string): Promise<PodObject> =>
  eventually(`pod ${name} to run`, async () => {
    const pod = await getPod(name);
    return pod.status.phase === 'Running' && pod.status.containerStatuses?.[0]?.ready === true ? pod : undefined;
  });

/** What a script prints in a pod's container, by lines. */
async function inPod(name: string, script: string): Promise<string[]> {
  const to = ['exec', name, '--socket', host.podwrightSocket, '--', 'sh', '-c', script];
  const { stdout, stderr, exitCode } = await host.podwright(to);
  if (exitCode !== 0) throw new Error(`${script}: exit code ${exitCode}: ${stdout}${stderr}`);
  return stdout.trimEnd().split('\n');
}

/** Waits for an event of a pod, and shows that the pod is pending and nothing of it was made. */
async function waitsWith(name: string, event: string): Promise<void> {
  let seen = '';
  const says = async (): Promise<boolean> => {
    seen = (await host.podwright(['status', name, '--socket', host.podwrightSocket])).stdout;
    return seen.includes(event);
  };
  await until(`pod ${name} to say ${event}`, deadlineMs, says, { intervalMs: 200, explain: () => seen });
  expect((await getPod(name)).status.phase).toBe('Pending');
  expect((await host.containers()).flatMap(({ Names }) => Names).join()).not.toContain(`_${name}_default_`);
}

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

  it('takes pods by a label and a resource that it is given later', async () => {
    const path = '/api/v1/nodes/n1';
    const dongles = { 'example.com/dongle': '2' };
    const { metadata, status } = (await cluster.get(path)) as NodeObject;
    const body = {
      ...{ apiVersion: 'v1', kind: 'Node', metadata: { ...metadata, resourceVersion: undefined } },
      status: { ...status, capacity: { ...(status['capacity'] as object), ...dongles } },
    };
    const replaced = await cluster.kubectl(['replace', '--raw', `${path}/status`, '-f', '-'], {
      input: JSON.stringify(body),
    });
    expect(replaced).toMatchObject({ exitCode: 0, stderr: '' });
    const has = (field: string, node: NodeObject): boolean =>
      JSON.stringify(node.status[field]).includes(JSON.stringify(dongles).slice(1, -1));
    await eventually('the resource to be given out', async () =>
      has('allocatable', (await cluster.get(path)) as NodeObject),
    );
    await cluster.kubectl(['label', 'node', 'n1', 'disk=fast']);
    const resources = { limits: { 'example.com/dongle': '1' } };
    const main = { name: 'main', image: 'podwright-test/busybox:1', command: ['sleep', '100000'], resources };
    await cluster.apply(podObject('placed', { nodeSelector: { disk: 'fast' }, containers: [main] }));
    await running('placed');
    const node = (await cluster.get(path)) as NodeObject;
    expect([has('capacity', node), has('allocatable', node), node.metadata.labels['disk']]).toEqual([
      true,
      true,
      'fast',
    ]);
    await cluster.kubectl(['delete', 'pod', 'placed', '--grace-period=1', '--wait=false']);
    await gone('placed');
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

  it('is ready by its containers and the gates that others open', async () => {
    const readinessGates = ['example.com/up', 'example.com/fed'].map((conditionType) => ({ conditionType }));
    await cluster.apply(podObject('gated', { readinessGates }));
    const conditions = async (): Promise<Readonly<Record<string, string>>> =>
      Object.fromEntries((await getPod('gated')).status.conditions?.map(({ type, status }) => [type, status]) ?? []);
    const kubectl = await kubectlProgram('kubectl-1.32');
    const set = async (type: string, status: string): Promise<void> => {
      const patch = JSON.stringify({ status: { conditions: [{ type, status }] } });
      const args = ['patch', 'pod', 'gated', '--subresource=status', '--patch', patch];
      const { exitCode, stderr } = await host.exec(kubectl, ['--kubeconfig', cluster.adminKubeconfig, ...args]);
      expect([exitCode, stderr]).toEqual([0, '']);
    };
    const ready = async (status: string): Promise<unknown> =>
      eventually(`the pod to be ready: ${status}`, async () => (await conditions())['Ready'] === status);
    await eventually('the container', async () => (await conditions())['ContainersReady'] === 'True');
    await set('example.com/up', 'True');
    expect((await conditions())['Ready']).toBe('False');
    await set('example.com/fed', 'True');
    await ready('True');
    await set('example.com/up', 'False');
    await ready('False');
    expect(await conditions()).toMatchObject({ 'example.com/up': 'False', 'example.com/fed': 'True' });
    await cluster.kubectl(['delete', 'pod', 'gated', '--grace-period=1', '--wait=false']);
    await gone('gated');
  });

  it('has its newest status on the server after 500 changes in a second, 50 pods at once', async () => {
    const bound = { nodeName: 'elsewhere', automountServiceAccountToken: false };
    const names = Array.from({ length: 50 }, (_, index) => `burst-${index}`);
    const labelled = (name: string): object => {
      const object = podObject(name, bound) as { readonly metadata: object };
      return { ...object, metadata: { ...object.metadata, labels: { burst: 'yes' } } };
    };
    await cluster.apply(...names.map(labelled));
    const program = fileURLToPath(new URL('./status-burst.ts', import.meta.url));
    const run = ['--import', 'tsx', program, cluster.adminKubeconfig, `${names.length}`];
    const { stdout, stderr } = await host.exec(process.execPath, run, { timeoutMs: deadlineMs });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ pods: 50, changes: 500 });
    const messages = ['get', 'pods', '-l', 'burst', '-o', 'jsonpath={.items[*].status.message}'];
    expect((await cluster.kubectl(messages)).stdout).toBe(names.map(() => '10').join(' '));
    await cluster.kubectl(['delete', 'pods', '-l', 'burst', '--grace-period=0', '--force']);
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

describe('what a cluster gives to its pods', () => {
  const afterwards = (names: readonly string[]): Promise<unknown> =>
    cluster.kubectl(['delete', 'pod', ...names, '--grace-period=1', '--wait=false']);

  it('tokens of the service account that the API server takes, beside the Secret of older servers', async () => {
    const sources = [
      { serviceAccountToken: { path: 'token', expirationSeconds: 600 } },
      { serviceAccountToken: { path: 'vault', audience: 'vault', expirationSeconds: 600 } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    ];
    const volumes = [{ name: 'access', projected: { sources } }];
    const user = podObject('user', { securityContext: { runAsUser: 1000 }, volumes }, [mountOf('access')]);
    const shared = podObject('shared', { securityContext: { fsGroup: 2000 }, volumes }, [mountOf('access')]);
    await cluster.apply(user, shared);
    const { metadata } = await running('user');
    const [rights, namespace, ca, token = '', vault = ''] = await inPod(
      'user',
      'cd /access && stat -Lc "%u %a" token && cat namespace && echo && head -n 1 ca.crt && cat token && echo && cat vault',
    );
    expect([rights, namespace, ca]).toEqual(['1000 600', 'default', '-----BEGIN CERTIFICATE-----']);
    expect(await review(token)).toMatchObject({
      authenticated: true,
      user: {
        username: 'system:serviceaccount:default:default',
        extra: { 'authentication.kubernetes.io/pod-uid': [metadata.uid] },
      },
    });
    expect((await review(vault)).authenticated).not.toBe(true);
    expect(await review(vault, ['vault'])).toMatchObject({ authenticated: true, audiences: ['vault'] });
    const [files, old = ''] = await inPod('user', `cd ${secretDirectory} && echo * && cat token`);
    expect(files).toBe('ca.crt namespace token');
    expect(await review(old)).toMatchObject({ authenticated: true });
    await running('shared');
    expect(await inPod('shared', 'stat -Lc "%u %g %a" /access/token')).toEqual(['0 2000 640']);
    expect(daemon.describe()).not.toContain(token);
    await afterwards(['user', 'shared']);
  });

  it('a volume whose claim is made for the pod, and no claim of the same name', async () => {
    const disk = join(host.dir, 'disk');
    const size = { storage: '1Gi' };
    const kind = { accessModes: ['ReadWriteOnce'], storageClassName: 'lab' };
    const claim = { ...kind, resources: { requests: size } };
    const volumes = [{ name: 'data', ephemeral: { volumeClaimTemplate: { spec: claim } } }];
    const core = { apiVersion: 'v1' };
    await cluster.apply(
      {
        ...{ ...core, kind: 'PersistentVolume', metadata: { name: 'disk' } },
        spec: { ...kind, capacity: size, hostPath: { path: disk, type: 'DirectoryOrCreate' } },
      },
      podObject('scratch', { volumes }, [mountOf('data')]),
    );
    await running('scratch');
    await inPod('scratch', 'touch /data/file');
    expect(readdirSync(disk)).toEqual(['file']);
    await cluster.apply(
      { ...core, kind: 'PersistentVolumeClaim', metadata: { name: 'thief-data', namespace: 'default' }, spec: claim },
      // A scheduler would not bind it.
      podObject('thief', { volumes, nodeName: 'n1' }, [mountOf('data')]),
    );
    await waitsWith('thief', 'PVC default/thief-data was not created for pod default/thief (pod is not owner)');
    await afterwards(['scratch', 'thief']);
  });

  it('the handler of a runtime class and its overhead', async () => {
    const overhead = { podFixed: { cpu: '10m', memory: '8Mi' } };
    await cluster.apply(runtimeClass('usual', 'runc'), runtimeClass('other', 'other', { overhead }));
    await cluster.apply(...['usual', 'other'].map((name) => podObject(name, { runtimeClassName: name })));
    expect(await running('other')).toMatchObject({ spec: { overhead: overhead.podFixed } });
    await running('usual');
    const runtimesOf = async (name: string): Promise<readonly (string | undefined)[]> => {
      const own = (await host.containers()).filter(({ Names }) => Names[0]?.includes(`_${name}_default_`));
      const found = await Promise.all(own.map(({ Id }) => host.docker.getContainer(Id).inspect()));
      return found.map(({ HostConfig }) => HostConfig.Runtime);
    };
    expect(await runtimesOf('other')).toEqual(['other', 'other']);
    expect(await runtimesOf('usual')).toEqual(['runc', 'runc']);
    await afterwards(['usual', 'other']);
  });

  it('not what Docker cannot do: such a pod waits', async () => {
    await cluster.apply(runtimeClass('lost', 'nowhere'));
    await cluster.apply(
      podObject('lost', { runtimeClassName: 'lost' }),
      podObject('csi', { volumes: [{ name: 'data', csi: { driver: 'test' } }] }),
    );
    await waitsWith('csi', 'MountVolume.SetUp failed for volume "data" : volumes of type csi are not supported');
    await waitsWith('lost', 'RuntimeClass "lost" names the handler "nowhere", which Docker does not have');
    await afterwards(['csi', 'lost']);
    await Promise.all([gone('csi'), gone('lost')]);
  });
});

const secretDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';
const mountOf = (name: string): object => ({ name, mountPath: `/${name}` });

const runtimeClass = (name: string, handler: string, rest: object = {}): object => ({
  ...{ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name }, handler },
  ...rest,
});

/** What the API server thinks of a token. */
async function review(token: string, audiences?: readonly string[]): Promise<{ readonly authenticated?: boolean }> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } };
  const path = '/apis/authentication.k8s.io/v1/tokenreviews';
  const { stdout, stderr } = await cluster.kubectl(['create', '--raw', path, '-f', '-'], {
    input: JSON.stringify(body),
  });
  if (stdout === '') throw new Error(`TokenReview: ${stderr}`);
  return (JSON.parse(stdout) as { status: { authenticated?: boolean } }).status;
}

describe('events', () => {
  it('of a pod are seen by kubectl, from its scheduling to its end', async () => {
    await cluster.apply(podObject('told'));
    await running('told');
    const reasons = (): Promise<readonly string[]> => eventReasons('told');
    await eventually('the events of its start', async () => {
      const seen = await reasons();
      return ['Scheduled', 'Pulled', 'Created', 'Started'].every((reason) => seen.includes(reason));
    });
    const { stdout } = await cluster.kubectl(['describe', 'pod', 'told']);
    expect(stdout).toMatch(/Normal +Started +\S+ +kubelet(, n1)? +Started container main/);
    await cluster.kubectl(['delete', 'pod', 'told', '--grace-period=1', '--wait=false']);
    await gone('told');
    await eventually('the event of its end', async () => (await reasons()).includes('Killing'));
  });
});

describe('a static pod', () => {
  const name = 'steady-n1';
  const container = async (): Promise<string | undefined> =>
    (await host.containers()).find(({ Names }) => Names[0]?.includes('k8s_main_steady-n1_'))?.Id;
  const isMissing = async (): Promise<boolean> => {
    const { exitCode, stderr } = await cluster.kubectl(['get', 'pod', name]);
    return exitCode !== 0 && stderr.includes('NotFound');
  };

  it('has a mirror, which comes back when it is deleted and goes with the manifest', async () => {
    host.drop('steady.json', podObject('steady'));
    await eventually('the mirror pod', async () => !(await isMissing()));
    const first = await running(name);
    const id = await container();
    expect(id).toBeDefined();
    await eventually('its events', async () =>
      (await cluster.kubectl(['describe', 'pod', name])).stdout.includes('Started container main'),
    );

    const { exitCode } = await cluster.kubectl(['delete', 'pod', name, '--wait=false']);
    expect(exitCode).toBe(0);
    const second = await eventually('another mirror pod that runs', async () => {
      const { exitCode: missing, stdout: found } = await cluster.kubectl(['get', 'pod', name, '-o', 'json']);
      if (missing !== 0) return undefined;
      const pod = JSON.parse(found) as PodObject;
      return pod.metadata.uid !== first.metadata.uid && pod.status.phase === 'Running' ? pod : undefined;
    });
    expect(second.status.containerStatuses?.[0]?.restartCount).toBe(0);
    expect(await container()).toBe(id);

    host.removeManifest('steady.json');
    await gone(name);
    await eventually('nothing to be left of it', async () => (await host.leaks()).length === 0);
  });

  it('that ends while the daemon is away leaves no mirror behind', async () => {
    host.drop('steady.json', podObject('steady'));
    await eventually('the mirror pod', async () => !(await isMissing()));
    await daemon.kill9();
    host.removeManifest('steady.json');
    daemon = startDaemon();
    await gone(name);
  });

  it('takes the room of a pod of the cluster, which tells that it was disrupted', async () => {
    const { status } = (await cluster.get('/api/v1/nodes/n1')) as NodeObject;
    const { memory } = status['allocatable'] as { readonly memory: string };
    const requests = { memory: `${Math.floor(Number.parseInt(memory) * 0.6)}Ki` };
    const containers = [
      { name: 'main', image: 'podwright-test/busybox:1', command: ['sleep', '100000'], resources: { requests } },
    ];
    await cluster.apply(podObject('lesser', { containers, terminationGracePeriodSeconds: 1 }));
    await running('lesser');
    host.drop('steady.json', podObject('steady', { containers, terminationGracePeriodSeconds: 1 }));
    const failed = await eventually('the lesser pod to fail', async () => {
      const pod = await getPod('lesser');
      return pod.status.phase === 'Failed' ? pod : undefined;
    });
    expect(failed.status).toMatchObject({ reason: 'Preempting' });
    expect(failed.status.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'TerminationByKubelet',
      message: 'Pod was preempted by Kubelet to accommodate a critical pod.',
    });
    await running(name);
    host.removeManifest('steady.json');
    await gone(name);
    await cluster.kubectl(['delete', 'pod', 'lesser']);
  });
});

describe('a Service', () => {
  const address = '192.0.2.200 8080';

  /** Whoever answers, with what the container knows of the API server. */
  const answers = async (count: number): Promise<ReadonlySet<string>> => {
    const found = new Set<string>();
    for (let index = 0; index < count; index += 1) {
      const answer = (await httpGet(host, address)).split('\r\n\r\n')[1];
      if (answer !== undefined) found.add(answer);
    }
    return found;
  };
  const remove = async (...names: readonly string[]): Promise<void> => {
    const { exitCode, stderr } = await cluster.kubectl(['delete', ...names, '--grace-period=1', '--wait=false']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  };
  const show = async (...args: readonly string[]): Promise<string> => {
    const [command = '', ...rest] = args;
    const { stdout, stderr } = await host.podwright([command, '--socket', host.podwrightSocket, ...rest]);
    return `${stdout}${stderr}`;
  };

  it('leads to its pods as they come and go', async () => {
    await cluster.apply(serviceObject('web', '192.0.2.200'), webPodObject('one'), webPodObject('two'));
    await running('one');
    await running('two');
    await eventually('both pods to answer', async () => (await answers(8)).size === 2);
    expect(await answers(12)).toEqual(new Set(['one 192.0.2.129', 'two 192.0.2.129']));
    expect(await show('services')).toMatch(/^default +web +ClusterIP +192\.0\.2\.200 .*8080\/TCP +2\/2 ready/m);
    expect(await show('trace', 'node', 'web:8080')).toMatch(/:80 +default\/one +50 % /);
    await remove('pod/one');
    await gone('one');
    await eventually('the other one alone to answer', async () => {
      const found = await answers(6);
      return found.size === 1 && found.has('two 192.0.2.129');
    });
  });

  it('of a file has no effect', async () => {
    host.drop('service.yaml', serviceObject('filed', '192.0.2.201'));
    await daemon.waitForLog(({ msg }) => msg.startsWith('files have no say in Services'), deadlineMs);
    expect(await show('services')).toContain('kubectl apply -f');
    expect(await show('services')).not.toContain('192.0.2.201');
    host.removeManifest('service.yaml');
  });

  it('goes on without the API server, and over a restart of the daemon', async () => {
    await cluster.stopApiServer();
    expect(await answers(2)).toEqual(new Set(['two 192.0.2.129']));
    await daemon.kill9();
    daemon = startDaemon();
    await daemon.waitForLog(({ msg }) => msg === 'proxy mode', deadlineMs);
    await daemon.waitForLog(({ msg }) => msg.startsWith('the API server is away; Services'), deadlineMs);
    expect(await answers(2)).toEqual(new Set(['two 192.0.2.129']));
    await cluster.startApiServer();
    await remove('service/web', 'pod/two');
    await eventually('nothing to answer', async () => (await answers(1)).size === 0);
    await gone('two');
  });
});
