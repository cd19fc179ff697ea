import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Facts, packages, type Program } from '../../../agent/cli/check/facts.ts';
import {
  cniConfigError,
  parseCapabilities,
  parseCgroupV1,
  parseForwardPolicy,
  parseRoutes,
  parseSwaps,
} from '../../../agent/cli/check/parse.ts';
import { planChecks } from '../../../agent/cli/check/plan.ts';
import { renderVerdicts } from '../../../agent/cli/check/render.ts';

const programs = Object.keys(packages) as Program[];
const docker = {
  version: '27.0.1',
  apiVersion: '1.46',
  storageDriver: 'overlay2',
  cgroupDriver: 'systemd',
  loggingDriver: 'json-file',
  warnings: [],
};

/** A host that lacks nothing. */
const good: Facts = {
  uid: 0,
  capabilities: (1n << 41n) - 1n,
  programs: new Set(programs),
  dockerHost: 'unix:///var/run/docker.sock',
  docker: { value: docker },
  iptablesVersion: 'iptables v1.8.9 (nf_tables)',
  forwardPolicy: 'ACCEPT',
  bridgeProbe: { works: true },
  iptablesProbe: { works: true },
  nftProbe: { works: true },
  sysctls: { 'net.ipv4.ip_forward': '1', 'net.bridge.bridge-nf-call-iptables': '1' },
  conntrack: { count: 10, max: 262_144 },
  cgroup: { version: 2, controllers: ['cpu', 'memory', 'pids'] },
  podCidrs: ['203.0.113.0/24'],
  routes: [{ destination: '192.0.2.0/24', device: 'eth0' }],
  manifestDir: { path: '/m', exists: true, isDirectory: true, uid: 0, mode: 0o755 },
  rootDir: { path: '/r', freeBytes: 50 * 1024 ** 3, freeInodes: 1_000_000 },
  cni: { confDir: '/c', files: [] },
  swaps: [],
  now: Date.parse('2026-03-01T12:00:00Z'),
  isTimeSynchronised: true,
};

const without = (...names: Program[]): Partial<Facts> => ({
  programs: new Set(programs.filter((name) => !names.includes(name))),
});
const capability = (bit: bigint): Partial<Facts> => ({ capabilities: good.capabilities & ~(1n << bit) });
const manifestDir = (change: Partial<Facts['manifestDir']>): Partial<Facts> => ({
  manifestDir: { ...good.manifestDir, ...change },
});
const routes = (destination: string, device = 'eth1'): Partial<Facts> => ({ routes: [{ destination, device }] });

describe('verdicts', () => {
  it('on a good host are all OK', () => {
    expect(planChecks(good).filter(({ level }) => level !== 'OK')).toEqual([]);
  });

  it.each<[string, Partial<Facts>, readonly string[]]>([
    ['no root', { uid: 1000 }, ['FAIL root']],
    ['no CAP_NET_ADMIN', capability(12n), ['FAIL root']],
    ['no CAP_SYS_RESOURCE', capability(24n), ['WARN CAP_SYS_RESOURCE']],
    ['no programs', without('ip', 'iptables-restore', 'nsenter'), ['FAIL ip', 'FAIL iptables-restore', 'FAIL nsenter']],
    ['no optional programs', without('nft', 'conntrack'), ['WARN nft', 'WARN conntrack']],
    ['no cgroups', { cgroup: undefined }, ['FAIL cgroups']],
    ['no memory controller', { cgroup: { version: 1, controllers: ['cpu', 'pids'] } }, ['WARN cgroups']],
    ['no manifests', manifestDir({ exists: false }), ['WARN manifest directory']],
    ['a file for manifests', manifestDir({ isDirectory: false }), ['FAIL manifest directory']],
    ['manifests that all may write', manifestDir({ mode: 0o777 }), ['WARN manifest directory']],
    ['manifests of a user', manifestDir({ uid: 1000 }), ['WARN manifest directory']],
    ['a full disk', { rootDir: { path: '/r', freeBytes: 1024, freeInodes: 5 } }, ['FAIL disk space']],
    ['little space', { rootDir: { path: '/r', freeBytes: 1024 ** 3, freeInodes: 1e6 } }, ['WARN disk space']],
    ['few inodes', { rootDir: { path: '/r', freeBytes: 1e12, freeInodes: 5 } }, ['WARN disk space']],
    ['no count of inodes', { rootDir: { path: '/r', freeBytes: 1e12, freeInodes: 0 } }, []],
    ['swap', { swaps: ['/dev/sda2'] }, ['WARN swap']],
    ['a clock of 1970', { now: 0 }, ['FAIL time']],
    ['a clock that drifts', { isTimeSynchronised: false }, ['WARN time']],
    ['a clock of others', { isTimeSynchronised: undefined }, []],
    ['no Docker', { docker: { error: 'connect ENOENT', code: 'ENOENT' } }, ['FAIL docker']],
    ['an old Docker', { docker: { value: { ...docker, apiVersion: '1.40' } } }, ['FAIL docker']],
    ['Docker 20.10', { docker: { value: { ...docker, apiVersion: '1.41' } } }, []],
    ['vfs', { docker: { value: { ...docker, storageDriver: 'vfs' } } }, ['WARN storage driver']],
    ['rootless Docker', { docker: { value: { ...docker, cgroupDriver: 'none' } } }, ['FAIL cgroup driver']],
    ['cgroupfs on v2', { docker: { value: { ...docker, cgroupDriver: 'cgroupfs' } } }, ['WARN cgroup driver']],
    ['warnings of Docker', { docker: { value: { ...docker, warnings: ['No swap limit'] } } }, ['WARN docker']],
    ['no bridge', { bridgeProbe: { works: false, error: 'Operation not supported' } }, ['FAIL bridge and veth']],
    ['no NAT', { iptablesProbe: { works: false } }, ['FAIL iptables']],
    ['no nftables', { nftProbe: { works: false } }, ['WARN nftables']],
    ['no probes', { bridgeProbe: undefined }, ['WARN bridge and veth']],
    ["Docker's policy", { forwardPolicy: 'DROP' }, []],
    ['no forwarding', { sysctls: { ...good.sysctls, 'net.ipv4.ip_forward': '0' } }, ['WARN net.ipv4.ip_forward']],
    [
      'no br_netfilter',
      { sysctls: { ...good.sysctls, 'net.bridge.bridge-nf-call-iptables': undefined } },
      ['WARN net.bridge.bridge-nf-call-iptables'],
    ],
    ['a route to a part of the pods', routes('203.0.113.128/25'), ['FAIL pod CIDR']],
    ['a route to more than the pods', routes('203.0.112.0/22'), ['FAIL pod CIDR']],
    ['a default route', routes('0.0.0.0/0'), []],
    ['the own bridge', routes('203.0.113.0/24', 'cni0'), []],
    ['a route of the other family', routes('2001:db8::/32'), []],
    [
      'a broken network',
      { cni: { confDir: '/c', files: [{ name: 'a.conflist', error: 'no JSON' }] } },
      ['WARN CNI configuration'],
    ],
    ['a full conntrack table', { conntrack: { count: 90, max: 100 } }, ['WARN conntrack table']],
  ])('on %s', (_, change, expected) => {
    const found = planChecks({ ...good, ...change }).filter(({ level }) => level !== 'OK');
    expect(found.map(({ level, name }) => `${level} ${name}`)).toEqual(expected);
  });

  it('name the package that a program is in', () => {
    const fixes = planChecks({ ...good, programs: new Set() }).flatMap(({ fix }) => fix ?? []);
    expect(fixes).toEqual(Object.values(packages).map((name) => `apt-get install ${name}`));
  });

  it('are lines, what to do, and a sum', () => {
    const verdicts = [
      { name: 'ip', level: 'OK', message: 'is in PATH' },
      { name: 'docker', level: 'FAIL', message: 'is away', fix: 'start it' },
    ] as const;
    expect(renderVerdicts(verdicts)).toBe(
      'OK     ip       is in PATH\nFAIL   docker   is away\n       fix: start it\n\n' +
        '1 ok, 0 warnings, 1 failures: pods do not run here until the failures are repaired\n',
    );
  });
});

describe('facts in texts', () => {
  it('are read', () => {
    expect(parseCapabilities('Name:\tnode\nCapEff:\t000001ffffffffff\n')).toBe((1n << 41n) - 1n);
    expect(parseSwaps('Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n')).toEqual(['/dev/sda2']);
    expect(parseSwaps('Filename Type\n')).toEqual([]);
    expect(parseForwardPolicy('-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n')).toBe('DROP');
    expect(parseCgroupV1('#subsys_name\thierarchy\tnum\tenabled\ncpu\t1\t2\t1\nmemory\t4\t6\t0\n')).toEqual(['cpu']);
    const text =
      '[{"dst":"default","dev":"eth0"},{"dst":"192.0.2.0/24","dev":"eth0"},{"dst":"192.0.2.9","dev":"a"},{"dst":"2001:db8::1","dev":"b"},{}]';
    expect(parseRoutes(text)).toEqual([
      { destination: '192.0.2.0/24', device: 'eth0' },
      { destination: '192.0.2.9/32', device: 'a' },
      { destination: '2001:db8::1/128', device: 'b' },
    ]);
  });

  it.each([
    ['{"name":"n","plugins":[{"type":"bridge"}]}', undefined],
    ['{"name":"n","type":"bridge"}', undefined],
    ['{"plugins":[{"type":"bridge"}]}', 'name: is required'],
    ['{"name":"n","plugins":[]}', 'plugins: must not be empty'],
    ['{"name":"n","plugins":[{"type":"a"},null]}', 'type: is required of each plugin'],
    ['{"name":"n"}', 'type: is required of each plugin'],
    ['[]', 'must be an object'],
  ])('CNI configuration %s', (text, error) => expect(cniConfigError(text)).toBe(error));

  it('never make the readers throw', () => {
    const text = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(text, (any) => {
        for (const read of [
          parseCapabilities,
          parseSwaps,
          parseForwardPolicy,
          parseCgroupV1,
          parseRoutes,
          cniConfigError,
        ]) {
          expect(() => read(any)).not.toThrow();
        }
      }),
    );
  });
});
