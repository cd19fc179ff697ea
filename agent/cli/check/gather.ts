import { constants } from 'node:fs';
import { access, readdir, readFile, stat, statfs } from 'node:fs/promises';
import { delimiter, dirname, extname, join } from 'node:path';
import { exec } from '../../../cni/index.ts';
import type { Config } from '../../config/index.ts';
import { askDocker, timeoutMs } from './docker-info.ts';
import { type Facts, packages, type PathFacts, type Probe, type Program } from './facts.ts';
import {
  cniConfigError,
  parseCapabilities,
  parseCgroupV1,
  parseForwardPolicy,
  parseRoutes,
  parseSwaps,
} from './parse.ts';

/** Reads what the verdicts need. Changes nothing: kernel features are tried in a network namespace that ends with the trial. */
export async function gather(config: Config, signal: AbortSignal): Promise<Facts> {
  const [programs, docker, kernel, host, paths] = await Promise.all([
    findPrograms(),
    askDocker(config.dockerHost, signal),
    gatherKernel(signal),
    gatherHost(),
    gatherPaths(config),
  ]);
  const { dockerHost, podCidrs } = config;
  return {
    uid: process.getuid?.() ?? 0,
    now: Date.now(),
    dockerHost,
    podCidrs,
    programs,
    docker,
    ...kernel,
    ...host,
    ...paths,
  };
}

type KernelFact = 'iptablesVersion' | 'forwardPolicy' | 'bridgeProbe' | 'iptablesProbe' | 'nftProbe' | 'routes';

const masquerade = '*nat\n-A POSTROUTING -s 192.0.2.0/24 -m comment --comment podwright -j MASQUERADE\nCOMMIT\n';
const links = 'link add name podwright0 type bridge\nlink add name podwright1 type veth peer name podwright2\n';
const table = 'add table inet podwright-check\n';

async function gatherKernel(signal: AbortSignal): Promise<Pick<Facts, KernelFact>> {
  const [iptablesVersion, rules, routes4, routes6, bridgeProbe, iptablesProbe, nftProbe] = await Promise.all([
    output('iptables', ['--version'], signal),
    output('iptables', ['-w', '2', '-S', 'FORWARD'], signal),
    output('ip', ['-json', '-4', 'route', 'show'], signal),
    output('ip', ['-json', '-6', 'route', 'show'], signal),
    probe(['ip', '-batch', '-'], links, signal),
    probe(['iptables-restore', '--test'], masquerade, signal),
    probe(['nft', '--check', '-f', '-'], table, signal),
  ]);
  return {
    iptablesVersion: iptablesVersion?.trim(),
    forwardPolicy: parseForwardPolicy(rules ?? ''),
    routes: [...parseRoutes(routes4 ?? ''), ...parseRoutes(routes6 ?? '')],
    bridgeProbe,
    iptablesProbe,
    nftProbe,
  };
}

async function output(file: string, args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await exec({ file, args, timeoutMs }, signal)).stdout;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** Runs a program in a network namespace of its own; undefined without the right, or the tool, to make one. */
async function probe(command: readonly string[], input: string, signal: AbortSignal): Promise<Probe | undefined> {
  const inOwnNamespace = async (args: readonly string[], text: string): Promise<unknown> =>
    exec({ file: 'unshare', args: ['--net', '--', ...args], input: text, timeoutMs }, signal);
  try {
    await inOwnNamespace(['true'], '');
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
  try {
    await inOwnNamespace(command, input);
    return { works: true };
  } catch (error) {
    signal.throwIfAborted();
    return { works: false, error: (error as Error).message.replace(/\s*\n\s*/g, '; ') };
  }
}

async function findPrograms(): Promise<ReadonlySet<Program>> {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  const isHere = async (name: Program): Promise<boolean> => {
    const trials = directories.map(async (directory) => access(join(directory, name), constants.X_OK));
    return Promise.any(trials).then(
      () => true,
      () => false,
    );
  };
  const names = Object.keys(packages) as Program[];
  const found = await Promise.all(names.map(isHere));
  return new Set(names.filter((_, index) => found[index]));
}

type HostFact = 'capabilities' | 'sysctls' | 'conntrack' | 'cgroup' | 'swaps' | 'isTimeSynchronised';

async function gatherHost(): Promise<Pick<Facts, HostFact>> {
  const [status, swaps, forward, bridge, count, max, cgroup, timesync, synchronised] = await Promise.all([
    read('/proc/self/status'),
    read('/proc/swaps'),
    read('/proc/sys/net/ipv4/ip_forward'),
    read('/proc/sys/net/bridge/bridge-nf-call-iptables'),
    read('/proc/sys/net/netfilter/nf_conntrack_count'),
    read('/proc/sys/net/netfilter/nf_conntrack_max'),
    gatherCgroup(),
    describePath('/run/systemd/timesync'),
    describePath('/run/systemd/timesync/synchronized'),
  ]);
  return {
    capabilities: parseCapabilities(status ?? ''),
    swaps: parseSwaps(swaps ?? ''),
    sysctls: { 'net.ipv4.ip_forward': forward, 'net.bridge.bridge-nf-call-iptables': bridge },
    conntrack: count === undefined || max === undefined ? undefined : { count: Number(count), max: Number(max) },
    cgroup,
    isTimeSynchronised: timesync.exists ? synchronised.exists : undefined,
  };
}

async function gatherCgroup(): Promise<Facts['cgroup']> {
  const unified = await read('/sys/fs/cgroup/cgroup.controllers');
  if (unified !== undefined) return { version: 2, controllers: unified.split(' ') };
  const mounted = new Set(await readdir('/sys/fs/cgroup').catch(() => []));
  if (mounted.size === 0) return undefined;
  // On v1 the kernel may have a controller that nobody mounted.
  const controllers = parseCgroupV1((await read('/proc/cgroups')) ?? '').filter((name) => mounted.has(name));
  return { version: 1, controllers };
}

type PathFact = 'manifestDir' | 'rootDir' | 'cni';

async function gatherPaths(config: Config): Promise<Pick<Facts, PathFact>> {
  const [manifestDir, free, files] = await Promise.all([
    describePath(config.manifestDir),
    freeSpace(config.rootDir),
    cniFiles(config.cni.confDir),
  ]);
  return {
    manifestDir,
    rootDir: { path: config.rootDir, ...free },
    cni: { confDir: config.cni.confDir, files },
  };
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

async function describePath(path: string): Promise<PathFacts> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return { path, exists: false, isDirectory: false, uid: 0, mode: 0 };
  return { path, exists: true, isDirectory: stats.isDirectory(), uid: stats.uid, mode: stats.mode & 0o7777 };
}

/** Of the file system of the path, or of its nearest ancestor that is there: the daemon makes the rest. */
async function freeSpace(path: string): Promise<Pick<Facts['rootDir'], 'freeBytes' | 'freeInodes'>> {
  try {
    const { bavail, bsize, ffree } = await statfs(path);
    return { freeBytes: bavail * bsize, freeInodes: ffree };
  } catch {
    const parent = dirname(path);
    return parent === path ? { freeBytes: undefined, freeInodes: undefined } : freeSpace(parent);
  }
}

/** File types that libcni reads, in its order. */
const cniExtensions: ReadonlySet<string> = new Set(['.conf', '.conflist', '.json']);

async function cniFiles(confDir: string): Promise<Facts['cni']['files']> {
  const names = await readdir(confDir).catch(() => []);
  const wanted = names.filter((name) => !name.startsWith('.') && cniExtensions.has(extname(name))).sort();
  return Promise.all(
    wanted.map(async (name) => {
      const text = await read(join(confDir, name));
      const error = text === undefined ? 'cannot be read' : cniConfigError(text);
      return error === undefined ? { name } : { name, error };
    }),
  );
}
