import { execFileSync } from 'node:child_process';
import { exec, type Exec } from '../../../cni/util/exec.ts';

/** A network namespace that stands for the host, and others for pods; all are the test's own and are removed by it. */
export interface Namespaces {
  readonly host: string;
  /** {@link Exec} in the host namespace. */
  readonly exec: Exec;
  /** Names of the links of the host namespace. */
  readonly linkNames: () => Promise<readonly string[]>;
  /** Makes namespaces for pods, with the sysctls that the daemon gives them. */
  addPods(count: number): readonly string[];
  removePod(name: string): void;
  /** Runs a program in a namespace; throws unless it exits with 0. */
  run(namespace: string, file: string, ...args: readonly string[]): string;
  remove(): void;
}

export const netnsPath = (name: string): string => `/run/netns/${name}`;

/** Sysctls of a pod as `PodNetwork.podSysctls` has them. */
const podSysctls = [
  'net.ipv4.conf.default.arp_notify=1',
  'net.ipv6.conf.default.accept_dad=0',
  'net.ipv6.conf.default.ndisc_notify=1',
];

let made = 0;

export function createNamespaces(label: string): Namespaces {
  const prefix = `pw-${label}-${process.pid}-${(made += 1)}`;
  const host = `${prefix}-host`;
  const names = new Set<string>();
  const enter = (namespace: string): string => `--net=${netnsPath(namespace)}`;
  const run = (namespace: string, file: string, ...args: readonly string[]): string =>
    execFileSync('nsenter', [enter(namespace), file, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const batch = (verb: string, of: readonly string[]): void => {
    if (of.length === 0) return;
    execFileSync('ip', ['-batch', '-'], { input: of.map((name) => `netns ${verb} ${name}\n`).join('') });
  };
  const create = (of: readonly string[]): void => {
    for (const name of of) names.add(name);
    batch('add', of);
  };
  create([host]);
  run(host, 'ip', 'link', 'set', 'lo', 'up');
  let pods = 0;
  return {
    host,
    run,
    exec: (request, signal) =>
      exec({ ...request, file: 'nsenter', args: [enter(host), request.file, ...request.args] }, signal),
    linkNames: () => Promise.resolve(run(host, 'ls', '/proc/sys/net/ipv4/conf').trim().split('\n')),
    addPods: (count) => {
      const added = Array.from({ length: count }, () => `${prefix}-p${(pods += 1)}`);
      create(added);
      for (const name of added) run(name, 'sysctl', '-q', '-w', ...podSysctls);
      return added;
    },
    removePod: (name) => {
      batch('delete', [name]);
      names.delete(name);
    },
    remove: () => batch('delete', [...names]),
  };
}
