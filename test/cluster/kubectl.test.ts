import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loops } from '../../agent/metrics/loops.ts';
import { createPki } from '../lab/cluster-pki.ts';
import { kubectlProgram } from '../lab/cluster-programs.ts';
import {
  type Cluster,
  type CommandResult,
  createCluster,
  createHost,
  type DaemonHandle,
  type TestHost,
  until,
} from '../lab/index.ts';
import { cutSessions } from './cut-sessions.ts';
import { type KubectlClient, kubectlClient } from './kubectl-client.ts';
import { testStreams } from './streams.ts';

/** Every command of kubectl that ends at a node, and who else may ask the node. */
let cluster: Cluster;
let host: TestHost;
let daemon: DaemonHandle;

const deadlineMs = 60_000;
const image = 'podwright-test/busybox:1';

beforeAll(async () => {
  cluster = await createCluster({ apiServerArgs: ['--feature-gates=EphemeralContainers=true'] });
  host = await createHost({ nodeName: 'n1' });
  daemon = host.startDaemon({
    args: ['--kubeconfig', await cluster.createNodeKubeconfig('n1')],
    kubelet: { podCIDR: '', authentication: { x509: { clientCAFile: cluster.caFile } } },
  });
  await cluster.apply(pod('web', web), pod('crash', crash), pod('short', short, 'Never'));
  await eventually('the pods to run', async () => {
    const phases = await Promise.all(['web', 'crash', 'short'].map(phaseOf));
    return phases.every((phase) => phase !== 'Pending');
  });
}, 120_000);

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
  cluster?.remove();
});

const shell = (name: string, script: string): object => ({ name, image, command: ['sh', '-c', script] });

/** Answers requests, counts what it is sent until its end, and reads lines. */
const web = [
  {
    ...shell(
      'main',
      `echo one; echo two; echo err >&2; mkdir /www; head -c 300000 /dev/zero | tr '\\0' x > /www/big
       httpd -p 8080 -h /www; nc -ll -p 9000 -e wc -c & while read -r line; do echo "got $line"; done; sleep 100000`,
    ),
    stdin: true,
  },
  shell('side', 'echo beside; exec sleep 100000'),
];
/** Ends once, and then goes on. */
const crash = [
  {
    ...shell('main', 'date +%s; [ ! -e /kept/crashed ] || exec sleep 100000; touch /kept/crashed; sleep 1; exit 3'),
    volumeMounts: [{ name: 'kept', mountPath: '/kept' }],
  },
];
const short = [shell('main', 'for n in 1 2 3 4; do echo "line $n"; sleep 1; done')];

function pod(name: string, containers: readonly object[], restartPolicy = 'Always'): object {
  const volumes = [{ name: 'kept', emptyDir: {} }];
  const spec = { restartPolicy, terminationGracePeriodSeconds: 1, containers, volumes };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec };
}

async function phaseOf(name: string): Promise<string> {
  const found = (await cluster.get(`/api/v1/namespaces/default/pods/${name}`)) as {
    readonly status: { readonly phase: string };
  };
  return found.status.phase;
}

const eventually = <T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> =>
  until(what, deadlineMs, probe, { intervalMs: 200, explain: () => daemon.describe() });

const kubectl = async (...args: string[]): Promise<CommandResult> => cluster.kubectl(args, { timeoutMs: deadlineMs });

/** What a command prints that has to succeed. */
async function output(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await kubectl(...args);
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

/** What curl takes of a kubeconfig that holds credentials. */
const credentialsIn = (kubeconfig: string, name: string): string[] => {
  const text = readFileSync(kubeconfig, 'utf8');
  const directory = join(host.dir, name);
  mkdirSync(directory);
  return (['certificate', 'key'] as const).flatMap((what) => {
    const data = new RegExp(`client-${what}-data: "?([\\w+/=]+)`).exec(text)?.[1] ?? '';
    const file = join(directory, what);
    writeFileSync(file, Buffer.from(data, 'base64'));
    return [what === 'key' ? '--key' : '--cert', file];
  });
};

describe('kubectl logs', () => {
  it('prints what a container has printed, or the end of it', async () => {
    const all = (await output('logs', 'web', '-c', 'main')).split('\n').sort();
    expect(all).toEqual(['err', 'one', 'two']);
    expect(await output('logs', 'web', '-c', 'side', '--tail=1')).toBe('beside');
    expect(await output('logs', 'web', '-c', 'side', '--tail=0')).toBe('');
    expect(await output('logs', 'web', '-c', 'side', '--since=1h')).toBe('beside');
    expect(await output('logs', 'web', '-c', 'side', '--since-time=2100-01-01T00:00:00Z')).toBe('');
    expect(await output('logs', 'web', '-c', 'side', '--limit-bytes=3')).toBe('bes');
    expect(await output('logs', 'web', '-c', 'side', '--timestamps')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z beside$/);
  });

  it('prints those of all containers', async () => {
    const lines = (await output('logs', 'web', '--all-containers', '--prefix')).split('\n').sort();
    expect(lines).toEqual(['[pod/web/main] err', '[pod/web/main] one', '[pod/web/main] two', '[pod/web/side] beside']);
  });

  it('follows a container to its end, and reads one that has ended', async () => {
    const lines = 'line 1\nline 2\nline 3\nline 4';
    expect(await output('logs', '-f', 'short')).toBe(lines);
    await eventually('the end of the pod', async () => (await phaseOf('short')) === 'Succeeded');
    expect(await output('logs', 'short')).toBe(lines);
    expect(await output('logs', '-f', 'short')).toBe(lines);
  });

  it('says which container there is not', async () => {
    const { exitCode, stderr } = await kubectl('logs', 'web', '-c', 'nothing');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining('container nothing is not valid for pod web') as string,
    });
  });
});

describe.each([
  { name: 'kubectl 1.20', program: 'kubectl', upgrade: 'SPDY' },
  { name: 'kubectl 1.32', program: 'kubectl-1.32', upgrade: 'WebSocket' },
] as const)('$name', ({ program, upgrade }) => {
  let client: KubectlClient;
  beforeAll(async () => {
    client = kubectlClient(cluster, host, await kubectlProgram(program));
  }, deadlineMs);
  testStreams(() => ({ client, host, daemon, eventually }), upgrade);
});

describe('sessions that are cut in the middle', () => {
  const ofDaemon = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;
  const memory = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]);
  const processes = async (): Promise<number> =>
    (await output('exec', 'web', '-c', 'main', '--', 'ps')).split('\n').length;

  /** Four hundred take ten to thirty seconds; a thousand left no more behind when they were tried. */
  it('leave no socket, no process and no memory behind', async () => {
    const [, cert = '', , key = ''] = credentialsIn(cluster.adminKubeconfig, 'cutter');
    const path = '/exec/default/web/main?command=sleep&command=66666&input=1&output=1&error=1';
    const cut = (count: number): Promise<number> => cutSessions(host, { path, cert, key, count, parallel: 16 });
    const before = { descriptors: ofDaemon(), processes: await processes() };
    expect(await cut(100)).toBe(100);
    const warm = memory();
    expect(await cut(300)).toBe(300);
    await eventually('the commands to be gone', async () => (await processes()) <= before.processes);
    await eventually('the sockets to be closed', () => Promise.resolve(ofDaemon() <= before.descriptors + 6));
    expect(memory() - warm).toBeLessThan(100_000);
  });
});

describe('kubectl debug', () => {
  it('runs a container of its own in the pod', async () => {
    await output('debug', 'web', `--image=${image}`, '-c', 'look', '--', 'sh', '-c', 'ps; sleep 100000');
    await eventually(
      'the container',
      async () => (await kubectl('exec', 'web', '-c', 'look', '--', 'true')).exitCode === 0,
    );
    const body = await output('exec', 'web', '-c', 'look', '--', 'wget', '-qO-', 'http://127.0.0.1:8080/big');
    expect(body).toHaveLength(300_000);
  });

  it('runs a pod of its own that looks at the node', async () => {
    writeFileSync(join(host.dir, 'seen'), 'from the host');
    const newer = kubectlClient(cluster, host, await kubectlProgram('kubectl-1.32'));
    const look = ['cat', `/host${host.dir}/seen`];
    await newer.output('debug', 'node/n1', '-q', '--profile=general', `--image=${image}`, '--', ...look);
    const [name = ''] = (await output('get', 'pods', '-o', 'name'))
      .split('\n')
      .filter((line) => line.includes('debug'));
    await eventually('its end', async () => (await phaseOf(name.replace('pod/', ''))) === 'Succeeded');
    expect(await output('logs', name)).toBe('from the host');
    await output('delete', name, '--grace-period=1');
  });
});

describe('what the node tells', () => {
  const raw = (path: string): Promise<string> => output('get', '--raw', `/api/v1/nodes/n1/proxy${path}`);

  it('has measured the pod', async () => {
    expect(await raw('/metrics/resource')).toMatch(
      /container_cpu_usage_seconds_total\{container="main",namespace="default",pod="web"\} [\d.e-]+ \d+/,
    );
    expect(await raw('/metrics/cadvisor')).toMatch(
      /container_memory_working_set_bytes\{container="main",.*namespace="default",.*pod="web"\} \d{5,}/,
    );
    const summary = JSON.parse(await raw('/stats/summary')) as {
      readonly node: { readonly nodeName: string };
      readonly pods: readonly { readonly podRef: { readonly name: string } }[];
    };
    expect(summary.node.nodeName).toBe('n1');
    expect(summary.pods).toContainEqual(
      expect.objectContaining({
        podRef: expect.objectContaining({ name: 'web' }) as object,
        cpu: expect.objectContaining({ usageCoreNanoSeconds: expect.any(Number) as number }) as object,
        network: expect.objectContaining({ name: 'eth0' }) as object,
      }),
    );
  });

  it('has counted what it did', async () => {
    const text = await raw('/metrics');
    expect(text).toMatch(/kubelet_runtime_operations_total\{operation_type="create_container"\} [1-9]/);
    expect(text).toMatch(/kubelet_pod_worker_duration_seconds_count\{operation_type="create"\} [1-9]/);
    expect(text).toMatch(/kubelet_pod_start_duration_seconds_count [1-9]/);
    expect(text).toMatch(/kubelet_running_pods [1-9]/);
    expect(text).toMatch(/kubelet_started_pods_total [1-9]/);
    expect(text).toMatch(/kubelet_started_containers_total\{container_type="container"\} [1-9]/);
    expect(text).toMatch(/kubelet_pod_status_sync_duration_seconds_count [1-9]/);
    expect(text).toMatch(/kubelet_pleg_relist_duration_seconds_count [1-9]/);
    expect(text).toMatch(/rest_client_requests_total\{code="200",host="[\d.:]+",method="PUT"\} [1-9]/);
  });

  it('has gone round in its loops', async () => {
    /** Have nothing to do here, or one round that lasts as long as the daemon. */
    const idle = ['runtime-events', 'mirror-pods', 'tokens', 'client-certificate', 'server-certificate'];
    const elsewhere = [...idle, 'shutdown', 'supervision', 'relist', 'configuration', 'services'];
    const missing = async (): Promise<readonly string[]> => {
      const text = await raw('/metrics');
      const isCounted = (loop: string): boolean =>
        text.includes(`podwright_loop_duration_seconds_count{loop="${loop}"}`);
      return Object.keys(loops).filter((loop) => !elsewhere.includes(loop) && !isCounted(loop));
    };
    await eventually('a round of each', async () => (await missing()).length === 0).catch(() => undefined);
    expect(await missing()).toEqual([]);
  });

  it('has its configuration and its pods, and is well', async () => {
    expect(JSON.parse(await raw('/configz'))).toMatchObject({
      kubeletconfig: {
        maxPods: 110,
        syncFrequency: '1m0s',
        authentication: { x509: { clientCAFile: cluster.caFile } },
      },
    });
    const { items } = JSON.parse(await raw('/pods')) as { readonly items: readonly { readonly metadata: object }[] };
    expect(items.map(({ metadata }) => metadata)).toContainEqual(expect.objectContaining({ name: 'web' }));
    expect(await raw('/healthz')).toBe('ok');
    const { stdout } = await host.exec('curl', ['-s', 'http://127.0.0.1:10248/healthz']);
    expect(stdout).toBe('ok');
  });
});

describe('who may ask the node', () => {
  const ask = async (...credentials: string[]): Promise<string> => {
    const args = ['-sk', '-o', '/dev/null', '-w', '%{http_code}', ...credentials, `https://${host.address}:10250/pods`];
    return (await host.exec('curl', args)).stdout;
  };
  /** By a CA of another name than the cluster's. */
  const selfMade = async (): Promise<string[]> => {
    const [certificate, key] = [join(host.dir, 'other.crt'), join(host.dir, 'other.key')];
    const subject = ['-subj', '/O=system:masters/CN=admin', '-days', '1'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const made = await host.exec('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate]);
    expect(made.exitCode, made.stderr).toBe(0);
    return ['--cert', certificate, '--key', key];
  };
  /** By a CA of the cluster's name, as those of all clusters that kubeadm makes. */
  const ofOtherCluster = async (): Promise<string[]> => {
    const pki = await createPki(join(host.dir, 'other-ca'));
    const [certificate, key] = pki.save('admin', await pki.client('admin', ['system:masters']));
    return ['--cert', certificate, '--key', key];
  };
  it('is nobody without credentials, with those of another CA, or with a wrong token', async () => {
    expect(await ask()).toBe('401');
    expect(await ask(...(await selfMade()))).toBe('401');
    // OpenSSL may end the connection: a signature that is not the CA's is a failure of its own to it.
    expect(['401', '000']).toContain(await ask(...(await ofOtherCluster())));
    expect(await ask('-H', 'Authorization: Bearer nonsense')).toBe('401');
  });

  it('is not a user without the right to it', async () => {
    expect(await ask(...credentialsIn(await cluster.createKubeconfig('weak'), 'weak'))).toBe('403');
  });

  it('is a user or a service account that has it', async () => {
    expect(await ask(...credentialsIn(cluster.adminKubeconfig, 'strong'))).toBe('200');
    const accounts = await cluster.get('/api/v1/namespaces/default/serviceaccounts/default');
    const [secret] = (accounts as { readonly secrets: readonly { readonly name: string }[] }).secrets;
    const found = await cluster.get(`/api/v1/namespaces/default/secrets/${secret?.name ?? ''}`);
    const { token } = (found as { readonly data: { readonly token: string } }).data;
    const bearer = ['-H', `Authorization: Bearer ${Buffer.from(token, 'base64').toString()}`];
    expect(await ask(...bearer)).toBe('403');
    await output('create', 'clusterrolebinding', 'ask', '--clusterrole=cluster-admin', '--user=asker');
    expect(await ask(...credentialsIn(await cluster.createKubeconfig('asker'), 'asker'))).toBe('200');
  });
});

describe('kubectl logs -p', () => {
  it('prints what the container before a restart has printed', async () => {
    const startOf = async (...options: string[]): Promise<number> => Number(await output('logs', 'crash', ...options));
    // While it waits for its restart, the container that ended last is both.
    await eventually('a restart', async () => (await startOf('-p')) < (await startOf()));
  });
});

describe('what ends pods', () => {
  const apply = async (name: string): Promise<void> => {
    const metadata = { name, namespace: 'default', labels: { app: name } };
    // Deaf to SIGTERM: only the end of its grace period ends it.
    const spec = {
      ...{ terminationGracePeriodSeconds: 100, containers: [shell('main', 'trap "" TERM; sleep 100000 & wait; wait')] },
      tolerations: [{ operator: 'Exists' }],
    };
    await cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
    await output('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
  };
  const untilGone = async (name: string): Promise<void> => {
    const hasContainer = async (): Promise<boolean> =>
      (await host.containers()).some(({ Names }) => Names.some((one) => one.includes(`_${name}_`)));
    await eventually(`the end of ${name}`, async () => !(await hasContainer()));
  };

  it('kubectl describe tells what has happened to a pod', async () => {
    await apply('told');
    await eventually('the events', async () =>
      /Started +\S+ +kubelet.* +Started container main/.test(await output('describe', 'pod', 'told')),
    );
  });

  it('kubectl delete gives it as long as it says', async () => {
    await output('delete', 'pod', 'told', '--grace-period=1', '--timeout=60s');
    await untilGone('told');
  });

  it('kubectl delete --force does not wait for the node, which ends it all the same', async () => {
    await apply('forced');
    await output('delete', 'pod', 'forced', '--force', '--grace-period=0');
    expect(await cluster.get('/api/v1/namespaces/default/pods/forced')).toBeUndefined();
    await untilGone('forced');
  });

  it('kubectl cordon keeps pods away, kubectl drain evicts those that are there', async () => {
    await output('cordon', 'n1');
    expect(await output('get', 'node', 'n1')).toContain('Ready,SchedulingDisabled');
    await output('drain', 'n1', '--force', '--grace-period=1', '--delete-emptydir-data', '--timeout=60s');
    for (const name of ['web', 'crash']) await untilGone(name);
    await output('uncordon', 'n1');
    expect(await output('get', 'node', 'n1')).not.toContain('SchedulingDisabled');
  });
});
