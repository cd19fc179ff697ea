import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeCertificate } from '../../../agent/control-plane/certs/content-plan.ts';
import { renderExpiration, residual } from '../../../agent/control-plane/certs/expiration-render.ts';
import { certificatePlaces, readAuthority, readCertificate } from '../../../agent/control-plane/certs/places.ts';
import { renewCertificates } from '../../../agent/control-plane/certs/renew.ts';
import { makeKubeconfigs } from '../../../agent/control-plane/pki/kubeconfigs.ts';
import { makePki } from '../../../agent/control-plane/pki/make.ts';
import { certificatePlans } from '../../../agent/control-plane/pki/plan.ts';
import { writeFiles } from '../../../agent/control-plane/write.ts';
import { settingsOf } from './settings.ts';

const dayMs = 86_400_000;
const now = Date.parse('2026-01-31T12:00:00Z');
const later = now + 300 * dayMs;
const file = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nencryptionAlgorithm: ECDSA-P256\n';

let kubernetesDir = '';
const places = () => ({ kubernetesDir, certificatesDir: join(kubernetesDir, 'pki') });
const settings = () => settingsOf({ kubernetesDir, apiserverCertExtraSans: ['2001:db8::7'] }, file);

beforeAll(async () => {
  kubernetesDir = await mkdtemp(join(tmpdir(), 'podwright-certs-'));
  const deps = { read: () => Promise.resolve(undefined), now, say: () => undefined };
  const pki = await makePki(settings(), deps);
  const kubeconfigs = await makeKubeconfigs(settings(), pki.authorities.ca, deps);
  await writeFiles([...pki.files, ...kubeconfigs], new AbortController().signal);
});

afterAll(async () => rm(kubernetesDir, { recursive: true, force: true }));

const read = async (name: string) => {
  const place = certificatePlaces(places()).find((each) => each.name === name);
  if (place === undefined) throw new Error(name);
  return readCertificate(place);
};
const parsed = async (name: string): Promise<X509Certificate> =>
  new X509Certificate((await read(name)).certificate ?? '');

describe('podwright certs check-expiration', () => {
  it('prints the page of kubeadm', async () => {
    const certificates = await Promise.all(certificatePlaces(places()).map(readCertificate));
    const authorities = await Promise.all(
      (['ca', 'etcd-ca', 'front-proxy-ca'] as const).map((name) => readAuthority(name, places())),
    );
    const withoutKey = authorities.map((each) => (each.name === 'etcd-ca' ? { ...each, key: undefined } : each));
    const lines = renderExpiration(certificates, withoutKey, now);
    const row = (name: string): string => lines.find((line) => line.startsWith(`${name} `)) ?? '';
    const cells = (name: string): readonly string[] => row(name).split(/ {3,}/);
    expect(cells('CERTIFICATE')).toEqual(expect.arrayContaining(['EXPIRES', 'RESIDUAL TIME', 'EXTERNALLY MANAGED']));
    expect(cells('admin.conf')).toEqual(['admin.conf', 'Jan 31, 2027 12:00 UTC', '365d', 'ca', 'no']);
    expect(cells('etcd-peer').slice(3)).toEqual(['etcd-ca', 'yes']);
    expect(cells('ca')).toEqual(['ca', 'Jan 29, 2036 12:00 UTC', '10y', 'no']);
    expect(lines).toHaveLength(17);
  });

  it('tells of one that is missing', async () => {
    const [first] = certificatePlaces({ kubernetesDir: '/nowhere', certificatesDir: '/nowhere/pki' });
    if (first === undefined) throw new Error('no places');
    expect(renderExpiration([await readCertificate(first)], [], now).join('\n')).toContain('!MISSING! admin.conf');
  });

  it.each([
    [10 * 365 * dayMs, '10y'],
    [364 * dayMs, '364d'],
    [500 * dayMs, '500d'],
    [dayMs - 1, '23h'],
    [90_000, '1m'],
    [999, '0s'],
    [0, '<invalid>'],
  ])('%d ms are %s', (ms, text) => {
    expect(residual(ms)).toBe(text);
  });
});

describe('podwright certs renew', () => {
  it('renews one for what it is for, with another key', async () => {
    const [before, other] = [await parsed('apiserver'), await parsed('etcd-peer')];
    const users = await renewCertificates(['apiserver'], places(), { now: later, say: () => undefined });
    const after = await parsed('apiserver');
    expect(users).toEqual(['kube-apiserver']);
    expect(after.publicKey.equals(before.publicKey)).toBe(false);
    expect([after.subject, after.subjectAltName, after.keyUsage]).toEqual([
      before.subject,
      before.subjectAltName,
      before.keyUsage,
    ]);
    expect(Date.parse(after.validTo)).toBe(later + 365 * dayMs);
    expect((await parsed('etcd-peer')).serialNumber).toBe(other.serialNumber);
  });

  it('renews all, kubeconfigs too, and says what is to be restarted', async () => {
    const said: string[] = [];
    const users = await renewCertificates(['all'], places(), { now: later, say: (line) => void said.push(line) });
    expect(users).toEqual(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']);
    expect(said).toHaveLength(11);
    const admin = await parsed('admin.conf');
    expect(admin.subject).toBe('O=kubeadm:cluster-admins\nCN=kubernetes-admin');
    expect(Date.parse(admin.validTo)).toBe(later + 365 * dayMs);
  });

  it('ends with the authority', async () => {
    const late = now + 3500 * dayMs;
    await renewCertificates(['front-proxy-client'], places(), { now: late, say: () => undefined });
    expect(Date.parse((await parsed('front-proxy-client')).validTo)).toBe(now + 3650 * dayMs);
  });

  it('refuses an unknown name', async () => {
    await expect(renewCertificates(['kubelet'], places(), { now, say: () => undefined })).rejects.toThrow(
      'there is no certificate kubelet',
    );
  });

  it('finds in each certificate what it was made for', async () => {
    for (const { name, subject, hosts, usages } of certificatePlans(settings())) {
      const described = describeCertificate((await read(name)).certificate ?? '');
      const addresses = (list: readonly string[]) =>
        list.map((host) => (host.includes(':') ? 'IPv6' : host)).toSorted();
      expect({ ...described, hosts: addresses(described.hosts) }).toEqual({
        ...{ subject, usages },
        hosts: addresses(hosts),
      });
    }
  });
});
