import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCluster, createHost, until, type Cluster, type CommandResult, type TestHost } from '../lab/index.ts';

let cluster: Cluster;
let host: TestHost;

beforeAll(async () => {
  cluster = await createCluster();
  host = await createHost({ docker: false });
});

afterAll(() => {
  host?.remove();
  cluster?.remove();
});

const deadlineMs = 60_000;
const autoApproval = ['clusterrolebinding', 'kubeadm:node-autoapprove-bootstrap'];

interface Attempt {
  readonly name: string;
  readonly token?: string;
  readonly hash?: string;
}

const directory = (name: string): string => join(host.dir, `join-${name}`);

/** Joins under a name, with directories of its own. */
async function joinAs({
  name,
  token = cluster.bootstrapToken,
  hash = cluster.caCertHash,
}: Attempt): Promise<CommandResult> {
  const dirs = ['--kubernetes-dir', join(directory(name), 'etc'), '--root-dir', join(directory(name), 'lib')];
  const what = [`${cluster.host}:${cluster.port}`, '--token', token, '--discovery-token-ca-cert-hash', hash];
  const args = ['join', ...what, '--node-name', name, '--ignore-preflight-errors', 'all', ...dirs];
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
    const wrongSecret = joinAs({ name: 'refused', token: `${id}.${'x'.repeat(16)}` });
    expect(failed(await wrongSecret)).toContain('does not fit the token');
    const unknown = joinAs({ name: 'refused', token: `zzzzzz.${'x'.repeat(16)}` });
    expect(failed(await unknown)).toContain('is not known to this cluster');
    const wrongHash = joinAs({ name: 'refused', hash: `sha256:${'0'.repeat(64)}` });
    expect(failed(await wrongHash)).toContain('not the expected one');
    expect(await leftBehind('refused')).toEqual([]);
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
