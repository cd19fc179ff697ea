import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  loadKubeconfig,
  parseKubeconfig,
  parseKubeconfigClusters,
  renderKubeconfig,
} from '../../../agent/api/index.ts';
import { type Authority, createAuthority, type Identity } from './certificates.ts';

const origin = '/etc/kubernetes/kubelet.conf';

function config(cluster: string, user: string, rest = 'current-context: c'): string {
  return `apiVersion: v1
kind: Config
${rest}
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {${cluster}}}]
users: [{name: u, user: {${user}}}]
`;
}

const good = 'server: "https://192.0.2.1:6443"';

describe('parseKubeconfig', () => {
  it('reads a context; files are relative to the kubeconfig, data come before files, a token file before a token', () => {
    const text = config(
      `${good}, certificate-authority: pki/ca.crt, tls-server-name: api`,
      'client-certificate: /c.pem, client-key-data: a2V5, client-key: k.pem, token: t, tokenFile: token',
    );
    expect(parseKubeconfig(origin, text)).toEqual({
      cluster: {
        name: 'k',
        server: 'https://192.0.2.1:6443',
        ca: {
          source: { file: '/etc/kubernetes/pki/ca.crt' },
          place: `${origin}:5: clusters[0].cluster.certificate-authority`,
        },
        tlsServerName: 'api',
        insecure: false,
      },
      user: {
        certificate: { source: { file: '/c.pem' }, place: `${origin}:6: users[0].user.client-certificate` },
        key: { source: { text: 'key' }, place: `${origin}:6: users[0].user.client-key-data` },
        token: { source: { file: '/etc/kubernetes/token' }, place: `${origin}:6: users[0].user.tokenFile` },
      },
    });
  });

  it('takes another context than the current one', () => {
    expect(parseKubeconfig(origin, config(good, '', 'current-context: ""'), 'c').cluster.name).toBe('k');
  });

  const unsupported = 'is not supported: use a client certificate, a token or an exec plugin';
  it.each([
    ['an empty file', '', `${origin}: is empty: expected a kubeconfig`],
    ['two documents', `${config(good, '')}---\na: 1\n`, `${origin}:8: a second document: there may be one`],
    ['another kind', 'kind: Pod', `${origin}:1: kind: Invalid input: expected "Config"`],
    ['no context', config(good, '', ''), `${origin}:1: current-context: is required, or a context must be chosen`],
    [
      'an unknown context',
      config(good, '', 'current-context: x'),
      `${origin}:3: current-context: there is no context "x"`,
    ],
    [
      'no server',
      config('', ''),
      `${origin}:5: clusters[0].cluster.server: must be a URL such as https://192.0.2.1:6443`,
    ],
    [
      'a server without a scheme',
      config('server: "192.0.2.1:6443"', ''),
      `${origin}:5: clusters[0].cluster.server: must be a URL such as https://192.0.2.1:6443`,
    ],
    [
      'a proxy',
      config(`${good}, proxy-url: "http://192.0.2.9"`, ''),
      `${origin}:5: clusters[0].cluster.proxy-url: proxies are not supported`,
    ],
    [
      'an authority that does not count',
      config(`${good}, insecure-skip-tls-verify: true, certificate-authority: a`, ''),
      `${origin}:5: clusters[0].cluster.insecure-skip-tls-verify: cannot be true where a certificate authority is given`,
    ],
    [
      'data that are no base64',
      config(`${good}, certificate-authority-data: "-----BEGIN"`, ''),
      `${origin}:5: clusters[0].cluster.certificate-authority-data: must be base64`,
    ],
    [
      'a certificate without a key',
      config(good, 'client-certificate: c.pem'),
      `${origin}:6: users[0].user.client-key: is required with a client certificate`,
    ],
    [
      'a key without a certificate',
      config(good, 'client-key: k.pem'),
      `${origin}:6: users[0].user.client-certificate: is required with a client key`,
    ],
    [
      'a plugin of an unknown version',
      config(good, 'exec: {command: aws, apiVersion: client.authentication.k8s.io/v1alpha1}'),
      `${origin}:6: users[0].user.exec.apiVersion: must be one of client.authentication.k8s.io/v1, client.authentication.k8s.io/v1beta1`,
    ],
    [
      'a plugin that talks to somebody',
      config(good, 'exec: {command: aws, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}'),
      `${origin}:6: users[0].user.exec.interactiveMode: cannot be Always: a daemon has no terminal`,
    ],
    [
      'a password',
      config(good, 'username: me, password: topsecret'),
      `${origin}:6: users[0].user.username: ${unsupported}\n${origin}:6: users[0].user.password: ${unsupported}`,
    ],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseKubeconfig(origin, text)).toThrow(
      expect.objectContaining({ name: 'ConfigError', message }) as Error,
    );
  });

  it('reads clusters where there are no users, as in cluster-info', () => {
    const text = `apiVersion: v1
clusters:
- cluster: {certificate-authority-data: Y2E=, server: "https://192.0.2.1:6443"}
  name: ""
contexts: null
current-context: ""
kind: Config
preferences: {}
users: null
`;
    expect(parseKubeconfigClusters('cluster-info', text)).toMatchObject([
      { name: '', server: 'https://192.0.2.1:6443', ca: { source: { text: 'ca' } } },
    ]);
  });
});

describe('loadKubeconfig', () => {
  let directory: string;
  let authority: Authority;
  let node: Identity;
  const load = async (
    user: Parameters<typeof renderKubeconfig>[0]['user'],
    ca = authority.certificate,
  ): Promise<object> => {
    const path = join(directory, 'kubelet.conf');
    await writeFile(
      path,
      renderKubeconfig({ server: 'https://192.0.2.1:6443', ca: { pem: ca }, userName: 'node', user }),
    );
    return loadKubeconfig(path);
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'podwright-kubeconfig-'));
    authority = await createAuthority('cluster');
    node = await authority.issue('system:node:n1');
    await writeFile(join(directory, 'token'), ' abc\n');
    await writeFile(join(directory, 'empty'), '\n');
  });
  afterAll(async () => rm(directory, { recursive: true }));

  it('reads what it wrote', async () => {
    expect(await load({ certificatePem: node.certificate, keyPem: node.key })).toEqual({
      server: 'https://192.0.2.1:6443',
      ca: authority.certificate,
      certificate: node.certificate,
      key: node.key,
      token: undefined,
      tlsServerName: undefined,
      insecure: false,
      embedsCertificate: true,
    });
    expect(await load({ tokenFile: 'token' })).toMatchObject({ token: 'abc', embedsCertificate: false });
    expect(await load({ token: 'abc' })).toMatchObject({ token: 'abc' });
  });

  it.each<[string, () => Promise<object>, RegExp]>([
    [
      'a key of another certificate',
      async () => load({ certificatePem: node.certificate, keyPem: authority.key }),
      /client-key-data: is not the key of the client certificate$/,
    ],
    [
      'a key that is none',
      async () => load({ certificatePem: node.certificate, keyPem: 'x' }),
      /client-key-data: is no private key in PEM$/,
    ],
    [
      'a certificate that is none',
      async () => load({ certificatePem: 'x', keyPem: node.key }),
      /client-certificate-data: is no certificate in PEM$/,
    ],
    [
      'an authority that is none',
      async () => load({ token: 'abc' }, 'x'),
      /certificate-authority-data: is no certificate in PEM$/,
    ],
    [
      'a file that is not there',
      async () => load({ tokenFile: 'none' }),
      /users\[0\]\.user\.tokenFile: cannot be read: ENOENT/,
    ],
    ['an empty file', async () => load({ tokenFile: 'empty' }), /users\[0\]\.user\.tokenFile: is empty$/],
    ['no kubeconfig', async () => loadKubeconfig(join(directory, 'none.conf')), /^cannot read the kubeconfig: ENOENT/],
  ])('refuses %s', async (_, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});

describe('renderKubeconfig', () => {
  it('looks as kubeadm writes it', () => {
    const file = '/var/lib/kubelet/pki/kubelet-client-current.pem';
    const text = renderKubeconfig({
      server: 'https://192.0.2.1:6443',
      ca: { pem: 'ca' },
      userName: 'system:node:n1',
      user: { certificateFile: file, keyFile: file },
    });
    expect(text).toBe(`apiVersion: v1
clusters:
  - cluster:
      certificate-authority-data: Y2E=
      server: https://192.0.2.1:6443
    name: kubernetes
contexts:
  - context:
      cluster: kubernetes
      user: system:node:n1
    name: system:node:n1@kubernetes
current-context: system:node:n1@kubernetes
kind: Config
preferences: {}
users:
  - name: system:node:n1
    user:
      client-certificate: ${file}
      client-key: ${file}
`);
  });
});
