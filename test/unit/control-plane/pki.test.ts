import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { NewFile } from '../../../agent/control-plane/files.ts';
import { makeKubeconfigs } from '../../../agent/control-plane/pki/kubeconfigs.ts';
import { makePki, type Pki } from '../../../agent/control-plane/pki/make.ts';
import { settingsOf } from './settings.ts';

const now = Date.parse('2026-01-31T12:00:00Z');
const file = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nencryptionAlgorithm: ECDSA-P256\n';
const settings = settingsOf({ controlPlaneEndpoint: 'cluster.example', apiserverCertExtraSans: ['203.0.113.5'] }, file);

/** A directory in memory. */
function disk(files: readonly NewFile[] = []) {
  const content = new Map(files.map(({ path, content: text }) => [path, text]));
  const said: string[] = [];
  const deps = {
    read: (path: string) => Promise.resolve(content.get(path)),
    now,
    say: (line: string) => void said.push(line),
  };
  return { content, said, deps };
}

const pki = '/etc/kubernetes/pki';
const names = (files: readonly NewFile[]): readonly string[] =>
  files.map(({ path, mode }) => `${path.replace(`${pki}/`, '')} ${mode.toString(8)}`).sort();
const certificate = ({ files }: Pki, name: string): X509Certificate =>
  new X509Certificate(files.find(({ path }) => path === `${pki}/${name}.crt`)?.content ?? '');

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

describe('the certificates of a control plane', () => {
  it('are the files of kubeadm, keys for root alone', async () => {
    const pairs = ['ca', 'apiserver', 'apiserver-kubelet-client', 'front-proxy-ca', 'front-proxy-client'];
    const etcd = ['etcd/ca', 'etcd/server', 'etcd/peer', 'etcd/healthcheck-client', 'apiserver-etcd-client'];
    const expected = [...pairs, ...etcd].flatMap((name) => [`${name}.crt 644`, `${name}.key 600`]);
    const { files } = await makePki(settings, disk().deps);
    expect(names(files)).toEqual([...expected, 'sa.key 600', 'sa.pub 600'].sort());
  });

  it.each([
    ['apiserver', 'CN=kube-apiserver', 'ca', [serverAuth]],
    ['apiserver-kubelet-client', 'O=kubeadm:cluster-admins\nCN=kube-apiserver-kubelet-client', 'ca', [clientAuth]],
    ['front-proxy-client', 'CN=front-proxy-client', 'front-proxy-ca', [clientAuth]],
    ['etcd/server', 'CN=node-1', 'etcd/ca', [serverAuth, clientAuth]],
    ['etcd/peer', 'CN=node-1', 'etcd/ca', [serverAuth, clientAuth]],
    ['etcd/healthcheck-client', 'CN=kube-etcd-healthcheck-client', 'etcd/ca', [clientAuth]],
    ['apiserver-etcd-client', 'CN=kube-apiserver-etcd-client', 'etcd/ca', [clientAuth]],
  ])('%s has the subject, authority and use of kubeadm', async (name, subject, authority, usages) => {
    const made = await makePki(settings, disk().deps);
    const leaf = certificate(made, name);
    const ca = certificate(made, authority);
    expect(leaf.subject).toBe(subject);
    expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.keyUsage).toEqual(usages);
    expect(leaf.ca).toBe(false);
    expect([Date.parse(leaf.validFrom), Date.parse(leaf.validTo)]).toEqual([now - 300_000, now + 365 * 86_400_000]);
    const key = made.files.find(({ path }) => path === `${pki}/${name}.key`)?.content ?? '';
    expect(leaf.checkPrivateKey(createPrivateKey(key))).toBe(true);
  });

  it('name all by which the API server is called', async () => {
    const made = await makePki(settings, disk().deps);
    const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
    const dns = ['node-1', ...service, 'kubernetes.default.svc.cluster.local', 'cluster.example'];
    const expected = [
      ...dns.slice(0, 5).map((name) => `DNS:${name}`),
      ...['10.96.0.1', '192.0.2.10'].map((address) => `IP Address:${address}`),
      ...['DNS:cluster.example', 'IP Address:203.0.113.5'],
    ];
    expect(certificate(made, 'apiserver').subjectAltName).toBe(expected.join(', '));
  });

  it('lets authorities live for ten years', async () => {
    const ca = certificate(await makePki(settings, disk().deps), 'ca');
    expect(ca.ca).toBe(true);
    expect(ca.subject).toBe('CN=kubernetes');
    expect(Date.parse(ca.validTo)).toBe(now + 3650 * 86_400_000);
  });

  it('has everything in the group of masters before 1.29', async () => {
    const old = { ...settings, version: { minor: 28, text: 'v1.28.0' } };
    const made = await makePki(old, disk().deps);
    expect(certificate(made, 'apiserver-kubelet-client').subject).toContain('O=system:masters');
    expect(certificate(made, 'apiserver-etcd-client').subject).toContain('O=system:masters');
  });
});

describe('a second run', () => {
  it('makes nothing when all is there and good', async () => {
    const first = await makePki(settings, disk().deps);
    const there = disk(first.files);
    expect((await makePki(settings, there.deps)).files).toEqual([]);
  });

  it('makes what an interrupted one left out, with the same authority', async () => {
    const first = await makePki(settings, disk().deps);
    const there = disk(first.files.filter(({ path }) => !path.includes('apiserver.')));
    const second = await makePki(settings, there.deps);
    expect(names(second.files)).toEqual(['apiserver.crt 644', 'apiserver.key 600']);
    expect(certificate(second, 'apiserver').verify(certificate(first, 'ca').publicKey)).toBe(true);
  });

  it.each([
    ['for another name', { controlPlaneEndpoint: 'other.example:6443' }, 'it is not for other.example'],
    ['when it has ended', {}, 'it ended at'],
  ])('replaces a certificate %s', async (_, change, reason) => {
    const first = await makePki(settings, disk().deps);
    const there = disk(first.files);
    const later = Object.keys(change).length > 0 ? now : now + 366 * 86_400_000;
    const { files } = await makePki({ ...settings, ...change }, { ...there.deps, now: later });
    expect(names(files)).toContain('apiserver.crt 644');
    expect(there.said.join('\n')).toContain(reason);
  });

  it('can do without the key of an authority as long as nothing is to be signed', async () => {
    const first = await makePki(settings, disk().deps);
    const withoutKey = first.files.filter(({ path }) => !path.endsWith('/pki/ca.key'));
    expect((await makePki(settings, disk(withoutKey).deps)).files).toEqual([]);
    const withoutLeaf = withoutKey.filter(({ path }) => !path.includes('apiserver.'));
    await expect(makePki(settings, disk(withoutLeaf).deps)).rejects.toThrow('the key of the certificate authority ca');
  });
});

describe('kubeconfigs', () => {
  it('are those of kubeadm, and stay when they are good', async () => {
    const { authorities } = await makePki(settings, disk().deps);
    const files = await makeKubeconfigs(settings, authorities.ca, disk().deps);
    const etc = '/etc/kubernetes';
    expect(files.map(({ path, mode }) => [path, mode])).toEqual([
      [`${etc}/admin.conf`, 0o600],
      [`${etc}/super-admin.conf`, 0o600],
      [`${etc}/controller-manager.conf`, 0o600],
      [`${etc}/scheduler.conf`, 0o600],
    ]);
    expect(files.map(({ content }) => /server: (\S+)/.exec(content)?.[1])).toEqual([
      ...['https://cluster.example:6443', 'https://cluster.example:6443'],
      ...['https://192.0.2.10:6443', 'https://192.0.2.10:6443'],
    ]);
    expect(await makeKubeconfigs(settings, authorities.ca, disk(files).deps)).toEqual([]);
    const moved = { ...settings, advertiseAddress: '192.0.2.11' };
    const again = await makeKubeconfigs(moved, authorities.ca, disk(files).deps);
    expect(again.map(({ path }) => path)).toEqual([`${etc}/controller-manager.conf`, `${etc}/scheduler.conf`]);
  });
});
