import { join } from 'node:path';

/**
 * Everything that a run of the lab makes carries the run's ID in its name, and the ID tells which process owns the run:
 *
 *     /tmp/podwright-lab/<run>/<n>/      state of test host n
 *     /run/netns/pw-<run>-<n>            its network namespace
 *     /run/netns/pw-<run>-net            the bridge between the hosts
 *     /sys/fs/cgroup/.../pw-<run>-<n>    parent of all its containers
 *
 * So a run needs no state file that a crash could leave half written: whether its owner lives and what belongs to it can
 * be read from the names and from the kernel.
 */
export const labDirectory = '/tmp/podwright-lab';

const runPattern = /^[0-9a-z]+\.[0-9a-z]+$/;
const namespacePattern = /^pw-([0-9a-z]+\.[0-9a-z]+)-(?:net|\d+)$/;

/** A process, told apart from a later one with the same PID by its start time in clock ticks since boot. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

/** The namespaces that make a test host. */
export interface HostNamespaces {
  readonly netns: string;
  /** Path of its mount namespace; undefined: the machine's. */
  readonly mounts?: string | undefined;
}

export interface HostNames extends HostNamespaces {
  readonly run: string;
  readonly index: number;
  readonly dir: string;
  /** As the kubelet's `cgroupRoot` and Docker's `--cgroup-parent` take it. */
  readonly cgroup: string;
}

/** `<pid>.<start>` in base 36: short, since it is part of socket paths (at most 107 bytes). */
export function runIdOf({ pid, startTicks }: ProcessIdentity): string {
  return `${pid.toString(36)}.${startTicks.toString(36)}`;
}

/** The owner of a run, or undefined when `text` is no run ID. */
export function ownerOf(text: string): ProcessIdentity | undefined {
  if (!runPattern.test(text)) return undefined;
  const [pid = '', startTicks = ''] = text.split('.');
  return { pid: parseInt(pid, 36), startTicks: parseInt(startTicks, 36) };
}

/** The run of a namespace or cgroup, or undefined when the name is none of the lab's. */
export function runOfName(name: string): string | undefined {
  return namespacePattern.exec(name)?.[1];
}

export function runDirectory(run: string): string {
  return join(labDirectory, run);
}

export function bridgeNamespace(run: string): string {
  return `pw-${run}-net`;
}

export function hostNames(run: string, index: number): HostNames {
  const name = `pw-${run}-${index}`;
  return { run, index, dir: join(runDirectory(run), String(index)), netns: name, cgroup: `/${name}` };
}

/** Arguments of nsenter(1) for what runs on a test host. */
export function enterArgs({ netns, mounts }: HostNamespaces): readonly string[] {
  return [`--net=${namespacePath(netns)}`, ...(mounts === undefined ? [] : [`--mount=${mounts}`])];
}

export function namespacePath(netns: string): string {
  return join('/run/netns', netns);
}
