import type Docker from 'dockerode';
import { existsSync, readdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { basename, join } from 'node:path';
import { exec } from '../../cni/index.ts';
import { cgroupDirectories, cgroupTree } from './cgroups.ts';
import type { HostPaths } from './config.ts';
import { mountsUnder } from './mounts.ts';
import { namespacePath, type HostNames } from './names.ts';

/** What pods leave on a host while they are there, and must not leave behind. Each entry is a readable line. */
export interface Footprint {
  /** Containers with the label of a pod. */
  readonly containers: readonly string[];
  /** Links of pods in the host's namespace: veth pairs, and ports of bridges. */
  readonly links: readonly string[];
  /** Addresses that the IPAM store holds for somebody, claims of host ports, and cached CNI results. */
  readonly leases: readonly string[];
  /** Mounts under the daemon's root directory. */
  readonly mounts: readonly string[];
  /** Cgroups of pods. */
  readonly cgroups: readonly string[];
  /** Directories of pods under the daemon's root directory. */
  readonly directories: readonly string[];
  /** Statuses of pods that the daemon has written down. */
  readonly checkpoints: readonly string[];
  /** Packet filter rules about the address of a single pod. */
  readonly rules: readonly string[];
}

export interface FootprintSubject {
  readonly names: HostNames;
  readonly paths: HostPaths;
  readonly docker: Docker;
  readonly podCidr: string;
}

export async function readFootprint({ names, paths, docker, podCidr }: FootprintSubject): Promise<Footprint> {
  return {
    containers: (await podContainers(docker)).map(({ Names, State }) => `${Names.join(' ')} (${State})`).sort(),
    links: await podLinks(names.netns),
    leases: [
      ...addressFiles(paths.cniDataDir),
      ...filesUnder(join(paths.cniDataDir, '.hostports')),
      ...filesUnder(join(paths.cniCacheDir, 'results')),
    ],
    mounts: mountsUnder(paths.rootDir),
    cgroups: podCgroups(names.cgroup),
    directories: entries(join(paths.rootDir, 'pods')),
    checkpoints: entries(join(paths.rootDir, 'podwright', 'pods')),
    rules: await podRules(names.netns, podCidr),
  };
}

/** The footprint as lines, empty when nothing is left. */
export function describeFootprint(footprint: Footprint): readonly string[] {
  return Object.entries(footprint).flatMap(([kind, lines]: [string, readonly string[]]) =>
    lines.map((line) => `${kind}: ${line}`),
  );
}

/** `docker ps -a` of the containers that belong to pods. */
export async function podContainers(docker: Docker): Promise<readonly Docker.ContainerInfo[]> {
  return docker.listContainers({ all: true, filters: { label: ['io.kubernetes.pod.uid'] } });
}

interface Link {
  readonly ifname: string;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string };
}

/** A bridge without ports is no leak: the pod network keeps it for the next pod. */
async function podLinks(netns: string): Promise<readonly string[]> {
  const { stdout } = await exec({ file: 'ip', args: ['-netns', netns, '-json', '-details', 'link', 'show'] });
  return (JSON.parse(stdout) as readonly Link[])
    .filter(
      ({ ifname, master, linkinfo }) => ifname !== 'eth0' && (master !== undefined || linkinfo?.info_kind === 'veth'),
    )
    .map(({ ifname, master }) => `${ifname}${master === undefined ? '' : ` on ${master}`}`)
    .sort();
}

/** host-local keeps one file an address, named by it. */
function addressFiles(directory: string): readonly string[] {
  return filesUnder(directory).filter((path) => isIP(basename(path).replaceAll('_', ':')) !== 0);
}

function podCgroups(root: string): readonly string[] {
  const names = cgroupDirectories(root)
    .flatMap(cgroupTree)
    .map((path) => basename(path))
    .filter((name) => /^pod[0-9a-f]|-pod[0-9a-f_]+\.slice$/.test(name));
  return [...new Set(names)].sort();
}

async function podRules(netns: string, podCidr: string): Promise<readonly string[]> {
  const { stdout } = await exec({
    file: 'nsenter',
    args: [`--net=${namespacePath(netns)}`, 'nft', '--numeric', '--stateless', 'list', 'ruleset'],
  });
  const addresses = podCidr.split(',').map(addressPattern);
  const rules = stdout.split('\n').filter((line) => addresses.some((pattern) => pattern.test(line)));
  return rules.map((rule) => rule.trim());
}

/** An address of the network without a prefix length: the rule is about one pod and not about all. */
function addressPattern(cidr: string): RegExp {
  const network = cidr.split('/')[0] ?? '';
  const prefix = network.includes(':') ? network : network.slice(0, network.lastIndexOf('.') + 1);
  return new RegExp(`${prefix.replaceAll('.', '\\.')}[0-9a-f]+(?![0-9a-f.:/])`);
}

function filesUnder(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function entries(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}
