import { X509Certificate } from 'node:crypto';
import { copyFile, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderKubeconfig } from '../../agent/api/kubeconfig-render.ts';
import { createPki } from '../lab/cluster-pki.ts';
import { podwrightProgram } from '../lab/daemon.ts';
import {
  createCluster,
  createHost,
  until,
  type Cluster,
  type CommandResult,
  type DaemonHandle,
  type TestHost,
} from '../lab/index.ts';
import { manInTheMiddle, startProgram } from './programs.ts';

let cluster: Cluster;
let host: TestHost;
let daemon: DaemonHandle | undefined;

/** The signer of 1.20 dates certificates back by five minutes: each ends after 45 s, and is due within ten. */
const clientCertificateSeconds = 300 + 45;

beforeAll(async () => {
  const kubeletConfiguration = { serverTLSBootstrap: true };
  cluster = await createCluster({ clientCertificateSeconds, kubeletConfiguration });
  host = await createHost({ nodeName: 'runs' });
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
  cluster?.remove();
});

const deadlineMs = 60_000;

interface NodeObject {
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface LeaseObject {
  readonly spec: { readonly renewTime: string };
}

const autoApproval = ['clusterrolebinding', 'kubeadm:node-autoapprove-bootstrap'];

interface Attempt {
  readonly name: string;
  /** Default: the API server. */
  readonly endpoint?: string;
  readonly token?: string;
  readonly hash?: string;
}

/** The machine of the tests may have systemd, which is not the test host's. */
const withoutService = ['--skip-phases', 'kubelet-start'];

const directory = (name: string): string => join(host.dir, `join-${name}`);

/** Joins under a name, with directories of its own. */
async function joinAs({
  name,
  endpoint = `${cluster.host}:${cluster.port}`,
  token = cluster.bootstrapToken,
  hash = cluster.caCertHash,
}: Attempt): Promise<CommandResult> {
  const dirs = ['--kubernetes-dir', join(directory(name), 'etc'), '--root-dir', join(directory(name), 'lib')];
  const what = [endpoint, '--token', token, '--discovery-token-ca-cert-hash', hash];
  const args = ['join', ...what, '--node-name', name, '--ignore-preflight-errors', 'all', ...withoutService, ...dirs];
  return host.podwright(args);
}

async function leftBehind(name: string): Promise<readonly string[]> {
  return readdir(directory(name), { recursive: true }).catch(() => []);
}

async function pendingRequest(): Promise<string> {
  return until('the certificate request', deadlineMs, async () => {
    const { items } = (await cluster.get('/apis/certificates.k8s.io/v1/certificatesigningrequests')) as {
      readonly items: readonly { readonly metadata: { readonly name: string }; readonly status: object }[];
    };
    return items.find(({ status }) => !('conditions' in status))?.metadata.name;
  });
}

function failed({ exitCode, stderr }: CommandResult): string {
  expect(exitCode).toBe(1);
  return stderr;
}

describe('a node that has joined', () => {
  const rootDir = (): string => join(directory('runs'), 'lib');
  const certificate = async (pair: string): Promise<X509Certificate> =>
    new X509Certificate(await readFile(join(rootDir(), 'pki', `kubelet-${pair}-current.pem`)));
  const eventually = <T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> =>
    until(what, deadlineMs, probe, { intervalMs: 250, explain: () => daemon?.describe() ?? '' });
  const isReady = async (): Promise<boolean> => {
    const node = (await cluster.get('/api/v1/nodes/runs')) as NodeObject | undefined;
    return node?.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  };
  const renewedAt = async (): Promise<number> => {
    const lease = (await cluster.get(
      '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/runs',
    )) as LeaseObject;
    return Date.parse(lease.spec.renewTime);
  };
  const configFile = (): string => join(directory('runs'), 'run.yaml');

  it('is ready, and stays so beyond the end of its first certificate', async () => {
    expect(await joinAs({ name: 'runs' })).toMatchObject({ exitCode: 0 });
    const first = await certificate('client');
    daemon = await startJoined();
    await eventually('the node to be ready', isReady);
    const end = Date.parse(first.validTo);
    await eventually('a lease that was renewed after the first certificate', async () => (await renewedAt()) > end);
    expect((await certificate('client')).serialNumber).not.toBe(first.serialNumber);
    expect(await isReady()).toBe(true);
  });

  it('has a certificate of the cluster for its API when that is approved', async () => {
    const name = await pendingRequest();
    await cluster.kubectl(['certificate', 'approve', name]);
    const issued = await eventually('the serving certificate', async () =>
      certificate('server').catch(() => undefined),
    );
    expect(issued.checkIP(host.address)).toBe(host.address);
    expect(issued.checkIssued(new X509Certificate(cluster.ca))).toBe(true);
  });

  it('is gone after a reset, with all that join wrote', async () => {
    await daemon?.stop();
    const flags = ['--kubeconfig', join(directory('runs'), 'etc', 'kubelet.conf'), '--config', configFile()];
    const reset = await host.podwright(['reset', '--force', ...flags, '--root-dir', rootDir()]);
    expect(reset).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await leftBehind('runs')).toEqual(['run.yaml']);
  });

  /** As `podwright run` with what join wrote, but in the directories of the test host. */
  async function startJoined(): Promise<DaemonHandle> {
    const text = await readFile(join(rootDir(), 'config.yaml'), 'utf8');
    const kubelet = parse(text) as Readonly<Record<string, unknown>>;
    const etc = join(directory('runs'), 'etc');
    const authentication = { x509: { clientCAFile: join(etc, 'pki', 'ca.crt') } };
    const own = host.startDaemon({
      args: ['--kubeconfig', join(etc, 'kubelet.conf'), '--root-dir', rootDir()],
      kubelet: { ...kubelet, podCIDR: '', staticPodPath: host.manifestDir, authentication },
    });
    await copyFile(host.configFile, configFile());
    return own;
  }
});

describe('under the name of the kubelet', () => {
  it('has its certificate by the files that kubeadm writes, and is ready', async () => {
    const here = (name: string): string => join(directory('kubelet'), name);
    await mkdir(directory('kubelet'));
    await symlink(podwrightProgram, here('kubelet'));
    await writeFile(here('ca.crt'), cluster.ca);
    const server = `https://${cluster.host}:${cluster.port}`;
    const user = { token: cluster.bootstrapToken };
    const userName = 'tls-bootstrap-token-user';
    await writeFile(here('bootstrap.conf'), renderKubeconfig({ server, ca: { pem: cluster.ca }, userName, user }));
    const args = [
      ...[`--bootstrap-kubeconfig=${here('bootstrap.conf')}`, `--kubeconfig=${here('kubelet.conf')}`],
      ...[`--config=${host.configFile}`, '--container-runtime-endpoint=unix:///run/containerd/containerd.sock'],
      ...['--hostname-override=kubelet', `--root-dir=${here('lib')}`, `--client-ca-file=${here('ca.crt')}`],
      '--rotate-server-certificates=false',
    ];
    const kubelet = startProgram(host, { file: process.execPath, args: [here('kubelet'), ...args], env: {} });
    const isReady = async (): Promise<boolean> => {
      const node = (await cluster.get('/api/v1/nodes/kubelet')) as NodeObject | undefined;
      return node?.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
    };
    await until('the node to be ready', deadlineMs, isReady, { intervalMs: 250, explain: () => kubelet.output() });
    await kubelet.kill();
    expect((await stat(here('kubelet.conf'))).mode & 0o777).toBe(0o600);
    const version = await host.exec(process.execPath, [here('kubelet'), '--version']);
    expect(version.stdout).toMatch(/^Kubernetes v1\.\d+\.\d+$/m);
  });
});

describe('podwright join', () => {
  it('gets a certificate that the cluster knows the node by; once more changes nothing', async () => {
    expect(await joinAs({ name: 'worker' })).toMatchObject({ exitCode: 0, stderr: '' });
    const etc = join(directory('worker'), 'etc');
    const lib = join(directory('worker'), 'lib');
    expect((await readdir(etc)).sort()).toEqual(['kubelet.conf', 'pki']);
    expect((await lstat(join(lib, 'pki', 'kubelet-client-current.pem'))).isSymbolicLink()).toBe(true);
    expect(await readFile(join(lib, 'config.yaml'), 'utf8')).toContain('KubeletConfiguration');
    const { file, env } = cluster.kubectlCommand([]);
    const kubeconfig = ['--kubeconfig', join(etc, 'kubelet.conf')];
    const asNode = await host.exec(file, [...kubeconfig, 'auth', 'can-i', 'list', 'services'], { env });
    expect(asNode).toMatchObject({ exitCode: 0, stdout: 'yes' });
    const before = await leftBehind('worker');
    const again = await joinAs({ name: 'worker' });
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.stdout).toContain('has joined the cluster');
    expect(await leftBehind('worker')).toEqual(before);
  });

  it('refuses a wrong secret, an unknown token and another CA, and leaves nothing behind', async () => {
    const [id = ''] = cluster.bootstrapToken.split('.');
    const old = await cluster.createToken({ ttlMs: 3_000 });
    const path = `/api/v1/namespaces/kube-system/secrets/bootstrap-token-${old.split('.')[0] ?? ''}`;
    await until('the end of the token', deadlineMs, async () => (await cluster.get(path)) === undefined);
    const expired = joinAs({ name: 'expired', token: old });
    const wrongSecret = joinAs({ name: 'refused', token: `${id}.${'x'.repeat(16)}` });
    expect(failed(await wrongSecret)).toContain('does not fit the token');
    const unknown = joinAs({ name: 'refused', token: `zzzzzz.${'x'.repeat(16)}` });
    expect(failed(await unknown)).toContain('is not known to this cluster');
    const wrongHash = joinAs({ name: 'refused', hash: `sha256:${'0'.repeat(64)}` });
    expect(failed(await wrongHash)).toContain('not the expected one');
    expect(failed(await expired)).toContain('is not known to this cluster, or it has expired');
    expect([await leftBehind('refused'), await leftBehind('expired')]).toEqual([[], []]);
  });

  it('refuses one who stands between, also when he shows a CA of his own', async () => {
    const own = await createPki(join(host.dir, 'between'));
    const files = own.save('between', await own.server('kube-apiserver', ['127.0.0.1']));
    for (const [port, ca, message] of [
      [7441, '', "not of the cluster's CA"],
      [7442, own.caFile, 'does not fit the token'],
    ] as const) {
      const between = startProgram(host, manInTheMiddle(cluster, port, files, ca));
      await until('the one between', deadlineMs, () => between.output().includes('listening'), {
        explain: () => between.output(),
      });
      const joined = await joinAs({ name: 'between', endpoint: `127.0.0.1:${port}` });
      await between.kill();
      expect(failed(joined)).toContain(message);
      expect(await leftBehind('between')).toEqual([]);
    }
  });

  it('waits for an approval, and ends when it is denied', async () => {
    await cluster.kubectl(['delete', ...autoApproval]);
    const approved = joinAs({ name: 'approved' });
    const first = await pendingRequest();
    await cluster.kubectl(['certificate', 'approve', first]);
    expect(await approved).toMatchObject({ exitCode: 0 });

    const denied = joinAs({ name: 'denied' });
    await cluster.kubectl(['certificate', 'deny', await pendingRequest()]);
    expect(failed(await denied)).toContain('was denied');
    expect(await leftBehind('denied')).toEqual([]);
  });
});
