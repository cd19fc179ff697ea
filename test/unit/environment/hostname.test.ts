import { expect, test, describe } from 'vitest';
import fc from 'fast-check';
import { podHostname, type PodHostname } from '../../../agent/environment/index.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { pod } from './helpers.ts';

const DOMAIN = 'cluster.local';
const a = (length: number): string => 'a'.repeat(length);

test.each<[string, Partial<Pod['spec']>, string, PodHostname]>([
  ['the name of the pod', {}, 'web', { hostname: 'web', fqdn: undefined, domain: undefined }],
  ['hostname', { hostname: 'db-0' }, 'web', { hostname: 'db-0', fqdn: undefined, domain: undefined }],
  [
    'subdomain',
    { hostname: 'db-0', subdomain: 'db' },
    'web',
    { hostname: 'db-0', fqdn: undefined, domain: 'db.shop.svc.cluster.local' },
  ],
  [
    'setHostnameAsFQDN',
    { subdomain: 'db', setHostnameAsFQDN: true },
    'web',
    { hostname: 'web', fqdn: 'web.db.shop.svc.cluster.local', domain: 'db.shop.svc.cluster.local' },
  ],
  [
    'setHostnameAsFQDN without a domain',
    { setHostnameAsFQDN: true },
    'web',
    { hostname: 'web', fqdn: undefined, domain: undefined },
  ],
  [
    'a full name of 64 characters',
    { hostname: a(64 - '.b.shop.svc.cluster.local'.length), subdomain: 'b', setHostnameAsFQDN: true },
    'web',
    {
      hostname: a(64 - '.b.shop.svc.cluster.local'.length),
      fqdn: `${a(64 - '.b.shop.svc.cluster.local'.length)}.b.shop.svc.cluster.local`,
      domain: 'b.shop.svc.cluster.local',
    },
  ],
  ['63 characters', {}, a(63), { hostname: a(63), fqdn: undefined, domain: undefined }],
  ['64 characters', {}, a(64), { hostname: a(63), fqdn: undefined, domain: undefined }],
  ['a cut before a dot', {}, `${a(61)}.-b`, { hostname: a(61), fqdn: undefined, domain: undefined }],
  [
    'hostnameOverride',
    { hostnameOverride: 'host.example.test', hostname: 'x', subdomain: 'y' },
    'web',
    { hostname: 'host.example.test', fqdn: undefined, domain: undefined },
  ],
  [
    'a long hostnameOverride',
    { hostnameOverride: `${a(62)}.example` },
    'web',
    { hostname: a(62), fqdn: undefined, domain: undefined },
  ],
])('%s', (_, spec, name, expected) => expect(podHostname(pod(spec, { name }), DOMAIN)).toEqual(expected));

describe('names that cannot be', () => {
  test('a full name of 65 characters', () => {
    const hostname = a(65 - '.b.shop.svc.cluster.local'.length);
    const spec = { hostname, subdomain: 'b', setHostnameAsFQDN: true };
    expect(() => podHostname(pod(spec), DOMAIN)).toThrow(
      'failed to construct FQDN from pod hostname and cluster domain, ' +
        `FQDN ${hostname}.b.shop.svc.cluster.local is too long (64 characters is the max, 65 characters requested)`,
    );
  });

  test('nothing is left after the cut', () => {
    const name = `${'-'.repeat(63)}a`;
    expect(() => podHostname(pod({}, { name }), DOMAIN)).toThrow(`hostname for pod "${name}" was invalid: "${name}"`);
  });
});

test('the name of any pod becomes a name that the kernel takes, and a prefix of the pod name', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?$/), (name) => {
      const { hostname } = podHostname(pod({}, { name }), DOMAIN);
      expect(hostname.length).toBeLessThanOrEqual(63);
      expect(hostname).toMatch(/[a-z0-9]$/);
      expect(name.startsWith(hostname)).toBe(true);
    }),
  );
});
