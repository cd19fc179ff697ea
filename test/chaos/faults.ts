import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beginInControlPlane } from './control-plane-faults.ts';
import { cut, type End } from './cut.ts';
import { pidOf } from '../e2e/inside.ts';
import { podOfName } from './objects.ts';
import { isOfControlPlane, isSteady, type Fault, type HostFault } from './plan.ts';
import type { World } from './world.ts';

/** The host's end of the link of each steady pod. */
export type PodLinks = ReadonlyMap<number, string>;

/** Begins a fault. Resolves to what ends it. */
export async function begin(world: World, links: PodLinks, fault: Fault): Promise<End> {
  return isOfControlPlane(fault) ? beginInControlPlane(world, fault) : beginOnHost(world, links, fault);
}

async function beginOnHost(world: World, links: PodLinks, fault: HostFault): Promise<End> {
  const { host } = world;
  switch (fault.kind) {
    case 'daemon is killed':
      await world.daemon().kill9();
      return async () => world.startDaemon();
    case 'daemon is stopped':
      await world.daemon().stop(120_000);
      return async () => world.startDaemon();
    case 'Docker is killed':
      await host.stopDocker('SIGKILL');
      return async () => host.startDocker();
    case 'Docker is stopped':
      await host.stopDocker('SIGTERM');
      return async () => host.startDocker();
    case 'link of the host is cut':
      return cut(host, 'eth0');
    case 'link of a pod is cut':
      return cut(host, links.get(fault.pod) ?? 'unknown');
    case 'disk is full':
      return fill(host.rootDir);
    case 'clock jumps':
      world.setClock(fault.offsetMs);
      return () => world.setClock(0);
  }
}

/** By the index of the peer that a link in a pod names. */
export async function podLinks(world: World): Promise<PodLinks> {
  const status = await world.host.status();
  const names = new Map((await showLinks(world, [])).map(({ ifindex, ifname }) => [ifindex, ifname]));
  const links = new Map<number, string>();
  for (const report of status.pods) {
    const pod = podOfName(report.pod.metadata.name);
    if (pod === undefined || !isSteady(pod)) continue;
    const pid = await pidOf(world.host, report, 'web');
    const [link] = await showLinks(world, ['nsenter', `--net=/proc/${pid}/ns/net`]);
    links.set(pod, names.get(link?.link_index ?? -1) ?? `unknown link of pod ${pod}`);
  }
  return links;
}

interface Link {
  readonly ifindex: number;
  readonly ifname: string;
  readonly link_index?: number;
}

async function showLinks({ host }: World, prefix: readonly string[]): Promise<readonly Link[]> {
  const { stdout } = await host.exec('env', [...prefix, 'ip', '-json', 'link', 'show', 'type', 'veth']);
  return JSON.parse(stdout) as readonly Link[];
}

/** Writes until the file system takes no more. */
function fill(directory: string): End {
  const ballast = join(directory, 'ballast');
  const file = openSync(ballast, 'w');
  try {
    for (const size of [1 << 20, 1 << 12]) writeUntilFull(file, Buffer.alloc(size));
  } finally {
    closeSync(file);
  }
  return () => rmSync(ballast);
}

function writeUntilFull(file: number, block: Buffer): void {
  for (let count = 0; count < 100_000; count += 1) {
    try {
      writeSync(file, block);
    } catch {
      return;
    }
  }
  throw new Error('the disk does not fill up');
}
