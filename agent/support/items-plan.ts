import type { Config } from '../config/index.ts';

/** One file of the archive, and where its content is from. */
export type DumpItem =
  | { readonly name: string; readonly command: readonly [file: string, ...args: string[]] }
  | { readonly name: string; readonly read: string }
  | { readonly name: string; readonly ask: string };

/** Lines of each log; the newest ones. */
const logLines = '5000';

const command = (name: string, ...words: readonly [string, ...string[]]): DumpItem => ({ name, command: words });
const read = (name: string, path: string): DumpItem => ({ name, read: path });
const ask = (name: string, path: string): DumpItem => ({ name, ask: path });

/** What is collected of a host. What is not there is left out with the reason. */
export function dumpItems({ rootDir, manifestDir, cni }: Config): readonly DumpItem[] {
  return [
    ask('state/status.json', '/podwright/v1/status'),
    ask('state/services.json', '/podwright/v1/services?kernel=true'),
    ask('state/events.json', '/api/v1/events'),
    command('state/manifests.txt', 'ls', '-la', manifestDir),
    command(
      'state/root-directory.txt',
      'find',
      rootDir,
      '-maxdepth',
      '4',
      '-not',
      '-path',
      '*/pods/*/volumes/*',
      '-ls',
    ),
    command('state/cni-configuration.txt', 'ls', '-la', cni.confDir),
    command('logs/podwright.txt', 'journalctl', '--no-pager', '-u', 'podwright', '-n', logLines),
    command('logs/docker.txt', 'journalctl', '--no-pager', '-u', 'docker', '-n', logLines),
    command('logs/kernel.txt', 'journalctl', '--no-pager', '-k', '-n', logLines),
    command('service/podwright.txt', 'systemctl', '--no-pager', 'status', 'podwright'),
    command('service/unit.txt', 'systemctl', '--no-pager', 'cat', 'podwright'),
    ...networkItems,
    ...hostItems,
  ];
}

const networkItems: readonly DumpItem[] = [
  command('network/links.txt', 'ip', '-d', '-s', 'link'),
  command('network/addresses.txt', 'ip', 'address'),
  command('network/routes.txt', 'ip', 'route', 'show', 'table', 'all'),
  command('network/routes-ipv6.txt', 'ip', '-6', 'route', 'show', 'table', 'all'),
  command('network/rules.txt', 'ip', 'rule'),
  command('network/sockets.txt', 'ss', '-tulpn'),
  command('network/iptables.txt', 'iptables-save', '-c'),
  command('network/ip6tables.txt', 'ip6tables-save', '-c'),
  command('network/nftables.txt', 'nft', '-a', 'list', 'ruleset'),
  command('network/ipvs.txt', 'ipvsadm', '-Ln'),
  command('network/ipsets.txt', 'ipset', 'list'),
  command('network/conntrack.txt', 'conntrack', '-S'),
];

const hostItems: readonly DumpItem[] = [
  command('host/kernel.txt', 'uname', '-a'),
  read('host/os-release.txt', '/etc/os-release'),
  read('host/memory.txt', '/proc/meminfo'),
  read('host/load.txt', '/proc/loadavg'),
  read('host/mounts.txt', '/proc/self/mountinfo'),
  read('host/cgroups.txt', '/proc/cgroups'),
  read('host/resolv-conf.txt', '/etc/resolv.conf'),
  command('host/disks.txt', 'df', '-hT'),
  command('host/inodes.txt', 'df', '-i'),
  command(
    'host/sysctls.txt',
    'sysctl',
    '-a',
    '--pattern',
    '^(net\\.(ipv4|ipv6|bridge|netfilter)|kernel\\.pid_max|vm\\.overcommit)',
  ),
];
