import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseResolvConf,
  podDns,
  renderResolvConf,
  type DnsConfig,
  type DnsInput,
  type DnsProblem,
} from '../../../agent/environment/index.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { anyText, pod } from './helpers.ts';

describe('reading resolv.conf', () => {
  test.each<[string, string, Partial<DnsConfig>]>([
    ['nothing', '', {}],
    ['nameservers add up', 'nameserver 192.0.2.1\nnameserver ::1\n', { nameservers: ['192.0.2.1', '::1'] }],
    ['only the first word of a nameserver counts', 'nameserver 192.0.2.1 192.0.2.2', { nameservers: ['192.0.2.1'] }],
    ['a nameserver without an address', 'nameserver\nnameserver 192.0.2.1', { nameservers: ['192.0.2.1'] }],
    ['the last search counts', 'search a b\nsearch c', { searches: ['c'] }],
    ['an empty search takes back the one before', 'search a b\nsearch\n', {}],
    ['dots at the end go', 'search a.example. b. .', { searches: ['a.example', 'b', '.'] }],
    ['the last options count', 'options ndots:2\noptions rotate timeout:1', { options: ['rotate', 'timeout:1'] }],
    [
      'tabs, spaces and CRLF',
      '  nameserver \t 192.0.2.1 \r\n\tsearch\ta\r\n',
      { nameservers: ['192.0.2.1'], searches: ['a'] },
    ],
    ['comments', '# nameserver 192.0.2.1\n#search a\n; search b\n;search c', {}],
    ['other words', 'domain example\nsortlist 192.0.2.0\nlookup file bind\nnameservers 192.0.2.1', {}],
  ])('%s', (_, text, expected) =>
    expect(parseResolvConf(text)).toEqual({ nameservers: [], searches: [], options: [], ...expected }),
  );

  const word = fc.stringMatching(/^[a-z0-9:_-][a-z0-9.:_-]{0,20}[a-z0-9:_-]$/);
  const config = fc.record({
    nameservers: fc.array(word),
    searches: fc.array(word),
    options: fc.array(word),
  });

  test('what is rendered is read again', () => {
    fc.assert(
      fc.property(config, (one) => {
        expect(parseResolvConf(renderResolvConf(one))).toEqual(one);
      }),
    );
  });

  test('any text is read, and into words', () => {
    const line = fc
      .tuple(fc.constantFrom('nameserver', 'search', 'options', '#', ';', ''), fc.string())
      .map((parts) => parts.join(' '));
    const text = fc.oneof(
      anyText(),
      fc.array(line).map((lines) => lines.join('\n')),
    );
    fc.assert(
      fc.property(text, (file) => {
        const { nameservers, searches, options } = parseResolvConf(file);
        for (const value of [...nameservers, ...options]) expect(value).toMatch(/^\S+$/);
        for (const value of searches) expect(value).not.toMatch(/\s/);
      }),
    );
  });
});

test.each<[DnsConfig, string]>([
  [{ nameservers: [], searches: [], options: [] }, ''],
  [
    { nameservers: ['192.0.2.10', '2001:db8::a'], searches: ['a', 'b'], options: ['ndots:5', 'rotate'] },
    'search a b\nnameserver 192.0.2.10\nnameserver 2001:db8::a\noptions ndots:5 rotate\n',
  ],
])('%j is written', (config, expected) => expect(renderResolvConf(config)).toBe(expected));

const INPUT: DnsInput = {
  clusterDNS: ['192.0.2.10'],
  clusterDomain: 'cluster.local',
  resolvConfText: 'search corp.example cluster.local\nnameserver 198.51.100.53\noptions timeout:1\n',
  nodeIps: ['198.51.100.1'],
};

const CLUSTER =
  'search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 192.0.2.10\noptions ndots:5\n';
const NODE = 'search corp.example cluster.local\nnameserver 198.51.100.53\noptions timeout:1\n';
const MISSING: DnsProblem = {
  reason: 'MissingClusterDNS',
  message:
    'pod: "web_shop(u-1)". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.',
};

/** The file and the problems of a pod. */
function dns(spec: Partial<Pod['spec']>, input: Partial<DnsInput> = {}): [string, readonly DnsProblem[]] {
  const { config, problems } = podDns(pod(spec), { ...INPUT, ...input });
  return [renderResolvConf(config), problems];
}

describe('dnsPolicy', () => {
  test.each<[string, Partial<Pod['spec']>, Partial<DnsInput>, string, DnsProblem?]>([
    ['ClusterFirst', {}, {}, CLUSTER],
    ['ClusterFirst on the host network', { hostNetwork: true }, {}, NODE],
    ['ClusterFirstWithHostNet', { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }, {}, CLUSTER],
    ['Default', { dnsPolicy: 'Default' }, {}, NODE],
    ['None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['192.0.2.53'] } }, {}, 'nameserver 192.0.2.53\n'],
    ['ClusterFirst without a cluster DNS', {}, { clusterDNS: [] }, NODE, MISSING],
    [
      'ClusterFirstWithHostNet without a cluster DNS',
      { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true },
      { clusterDNS: [] },
      NODE,
      MISSING,
    ],
    [
      'ClusterFirst without a cluster domain',
      {},
      { clusterDomain: '' },
      'search corp.example cluster.local\nnameserver 192.0.2.10\noptions ndots:5\n',
    ],
    [
      'ClusterFirst, the node has no resolv.conf',
      {},
      { resolvConfText: undefined },
      'search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 192.0.2.10\noptions ndots:5\n',
    ],
    [
      'Default, the node has no resolv.conf',
      { dnsPolicy: 'Default' },
      { resolvConfText: undefined, nodeIps: ['2001:db8::1', '198.51.100.1'] },
      'search .\nnameserver ::1\nnameserver 127.0.0.1\n',
    ],
    [
      'Default, the node has neither resolv.conf nor address',
      { dnsPolicy: 'Default' },
      { resolvConfText: undefined, nodeIps: [] },
      'search .\nnameserver 127.0.0.1\n',
    ],
    ['Default, an empty resolv.conf', { dnsPolicy: 'Default' }, { resolvConfText: '' }, ''],
  ])('%s', (_, spec, input, expected, ...problems) =>
    expect(dns(spec, input)).toEqual([expected, problems.filter((problem) => problem !== undefined)]),
  );
});

test.each<[string, Partial<Pod['spec']>, string]>([
  [
    'everything is added, once',
    {
      dnsConfig: {
        nameservers: ['192.0.2.53', '192.0.2.10'],
        searches: ['more.example', 'svc.cluster.local'],
        options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }, { name: 'edns0' }],
      },
    },
    'search shop.svc.cluster.local svc.cluster.local cluster.local corp.example more.example\n' +
      'nameserver 192.0.2.10\nnameserver 192.0.2.53\noptions ndots:2 edns0\n',
  ],
  [
    'an option loses its value',
    { dnsPolicy: 'Default', dnsConfig: { options: [{ name: 'timeout', value: '' }, { name: 'rotate' }] } },
    'search corp.example cluster.local\nnameserver 198.51.100.53\noptions timeout rotate\n',
  ],
  ['an empty one changes nothing', { dnsConfig: {} }, CLUSTER],
])('dnsConfig: %s', (_, spec, expected) => expect(dns(spec)).toEqual([expected, []]));

describe('limits', () => {
  const none = (searches: readonly string[], nameservers = ['192.0.2.1']): Partial<Pod['spec']> => ({
    dnsPolicy: 'None',
    dnsConfig: { nameservers, searches: [...searches] },
  });
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`);
  /** Of a certain length each. */
  const wide = (count: number, length: number): string[] =>
    Array.from({ length: count }, (_, index) => `${index}`.padEnd(length, 'x'));
  const searchProblem = (kept: readonly string[]): DnsProblem => ({
    reason: 'DNSConfigForming',
    message: `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${kept.join(' ')}`,
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ['32 domains', names(32), names(32)],
    ['33 domains', names(33), names(32)],
    ['a domain of 253 characters', wide(1, 253), wide(1, 253)],
    ['a domain of 254 characters', ['a', ...wide(1, 254), 'b'], ['a', 'b']],
    ['2048 characters', [...wide(8, 227), ...wide(1, 224)], [...wide(8, 227), ...wide(1, 224)]],
    ['2049 characters', [...wide(8, 227), ...wide(1, 225)], wide(8, 227)],
    ['too many and too wide', wide(40, 200), wide(10, 200)],
  ])('%s', (_, wanted, kept) => {
    const problems = wanted.length === kept.length ? [] : [searchProblem(kept)];
    expect(dns(none(wanted))).toEqual([`search ${kept.join(' ')}\nnameserver 192.0.2.1\n`, problems]);
  });

  test('four nameservers', () => {
    const message =
      'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 192.0.2.1 192.0.2.2 192.0.2.3';
    expect(dns(none([], ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']))).toEqual([
      'nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n',
      [{ reason: 'DNSConfigForming', message }],
    ]);
  });

  test('whatever a pod asks for, the result is within them, in order, and says what was left out', () => {
    const domains = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z.]{0,299}$/), { maxLength: 50 });
    fc.assert(
      fc.property(domains, fc.uniqueArray(fc.ipV4(), { maxLength: 6 }), (searches, nameservers) => {
        const { config, problems } = podDns(pod(none(searches, nameservers)), INPUT);
        expect(config.nameservers).toEqual(nameservers.slice(0, 3));
        expect(config.searches.length).toBeLessThanOrEqual(32);
        expect(config.searches.join(' ').length).toBeLessThanOrEqual(2048);
        expect(searches.filter((domain) => config.searches.includes(domain))).toEqual(config.searches);
        const left = Number(config.searches.length < searches.length) + Number(nameservers.length > 3);
        expect(problems).toHaveLength(left);
      }),
    );
  });
});
