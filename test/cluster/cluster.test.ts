import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCluster, createHost, until, type Cluster, type TestHost } from '../lab/index.ts';
import { nodeObject, nodeRequest, podObject, readyStatus } from './objects.ts';

/** The control plane that the other suites of this folder rely on, without a node of ours. */
let cluster: Cluster;
let host: TestHost;

beforeAll(async () => {
  cluster = await createCluster({ nodeMonitorGracePeriodSeconds: 600 });
  host = await createHost({ docker: false });
});

afterAll(() => {
  host?.remove();
  cluster?.remove();
});

const deadlineMs = 60_000;

interface Csr {
  readonly status: { readonly certificate?: string };
}

describe('a cluster of the lab', () => {
  it('answers kubectl, and says of what version it is', async () => {
    expect(await cluster.kubectl(['get', '--raw', '/healthz'])).toMatchObject({ exitCode: 0, stdout: 'ok' });
    expect(await cluster.get('/version')).toMatchObject({ major: '1', minor: '20', gitVersion: 'v1.20.2' });
  });

  it('is reached from a host by the address that cluster-info names, and proves itself by the CA', async () => {
    const { file, args, env } = cluster.kubectlCommand(['get', '--raw', '/version']);
    expect(await host.exec(file, args, { env })).toMatchObject({ exitCode: 0 });
    const info = await cluster.get('/api/v1/namespaces/kube-public/configmaps/cluster-info');
    const [tokenId = ''] = cluster.bootstrapToken.split('.');
    expect(info).toMatchObject({
      data: {
        kubeconfig: expect.stringContaining(`server: ${cluster.url}`) as string,
        [`jws-kubeconfig-${tokenId}`]: expect.stringMatching(/^[\w-]+\.\.[\w-]+$/) as string,
      },
    });
  });

  it('binds a pod to a node that registers, and gives the node its share of the pod network', async () => {
    await cluster.apply(nodeObject('n1'), podObject('bound'));
    const node = await until('the podCIDR', deadlineMs, async () => {
      const found = (await cluster.get('/api/v1/nodes/n1')) as { readonly spec: { readonly podCIDR?: string } };
      return found.spec.podCIDR === undefined ? undefined : found;
    });
    expect(node.spec.podCIDR).toMatch(/^203\.0\.113\.\d+\/27$/);
    await until('the status', deadlineMs, async () => {
      const input = JSON.stringify({ ...((await cluster.get('/api/v1/nodes/n1')) as object), status: readyStatus() });
      const status = ['replace', '--raw', '/api/v1/nodes/n1/status', '-f', '-'];
      return (await cluster.kubectl(status, { input })).exitCode === 0; // a conflict, when a controller was faster
    });
    await until('the binding', deadlineMs, async () => {
      const pod = (await cluster.get('/api/v1/namespaces/default/pods/bound')) as {
        readonly spec: { nodeName?: string };
      };
      return pod.spec.nodeName === 'n1';
    });
  });

  it('lets a node read and write its own Node and no other', async () => {
    const kubeconfig = await cluster.createNodeKubeconfig('n2');
    const as = async (...args: string[]) => {
      const command = cluster.kubectlCommand(args, kubeconfig);
      return host.exec(command.file, command.args, { env: command.env });
    };
    await cluster.apply(nodeObject('n2'), nodeObject('n3'));
    expect(await as('label', 'node', 'n2', 'mine=yes')).toMatchObject({ exitCode: 0 });
    const other = await as('label', 'node', 'n3', 'mine=yes');
    expect(other).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('is not allowed to modify') as string });
  });

  it('signs the request of a node that shows a bootstrap token', async () => {
    const token = await cluster.createToken({ ttlMs: 3_600_000 });
    const access = ['--server', cluster.url, '--certificate-authority', cluster.caFile, '--token', token];
    const { file, args, env } = cluster.kubectlCommand([...access, 'create', '-f', '-'], '/dev/null');
    const made = await host.exec(file, args, { env, input: JSON.stringify(await nodeRequest('n4')) });
    expect(made, made.stderr).toMatchObject({ exitCode: 0 });
    const certificate = await until('the certificate', deadlineMs, async () => {
      const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests/n4';
      return ((await cluster.get(path)) as Csr).status.certificate;
    });
    const parsed = new X509Certificate(Buffer.from(certificate, 'base64'));
    expect(parsed.subject).toBe('O=system:nodes\nCN=system:node:n4');
    expect(parsed.verify(new X509Certificate(cluster.ca).publicKey)).toBe(true);
  });

  it('keeps its objects while the API server is away', async () => {
    await cluster.stopApiServer();
    const refused = await cluster.kubectl(['get', '--raw', '/healthz']);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('refused') as string });
    await cluster.startApiServer();
    expect(await cluster.get('/api/v1/namespaces/default/pods/bound')).toMatchObject({ spec: { nodeName: 'n1' } });
  });

  it('is not ready while etcd is away', async () => {
    await cluster.stopEtcd();
    await until('the API server to notice', deadlineMs, async () => {
      const { exitCode } = await cluster.kubectl(['get', '--raw', '/readyz', '--request-timeout=5s']);
      return exitCode !== 0;
    });
    await cluster.startEtcd();
    expect(await cluster.get('/api/v1/nodes/n1')).toMatchObject({ metadata: { name: 'n1' } });
  });
});
