import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { labCgroups, removeCgroup, thaw } from './cgroups.ts';
import { unmountUnder } from './mounts.ts';
import {
  bridgeNamespace,
  labDirectory,
  namespacePath,
  ownerOf,
  runDirectory,
  runOfName,
  type HostNames,
} from './names.ts';
import { isAlive, processesOf } from './processes.ts';

/*
 * Removal is synchronous, because it must also work in an `exit` handler, and the same code serves a test that removes
 * its host, a process that ends early and the sweep of what a killed process left. Every step may find its work done.
 *
 *     kill processes -> unmount -> remove containerd's shim sockets, cgroups, namespaces, and the directory last
 *
 * The directory is last: a removal that was cut short is found by it and repeated.
 */

interface Belongings {
  readonly directory: string;
  readonly namespaces: readonly string[];
  readonly cgroups: readonly string[];
}

/** Removes one test host and everything in it. */
export function removeHost({ dir, netns, cgroup }: HostNames): void {
  remove({ directory: dir, namespaces: [netns], cgroups: [cgroup] });
}

/** Removes all test hosts of a run and the bridge between them. */
export function removeRun(run: string): void {
  const ofRun = (name: string): boolean => runOfName(name) === run;
  const namespaces = [...namespaceNames().filter(ofRun), bridgeNamespace(run)];
  const cgroups = labCgroups().filter(ofRun);
  remove({ directory: runDirectory(run), namespaces, cgroups: cgroups.map((name) => `/${name}`) });
  removeIfEmpty(labDirectory);
}

/** Removes what runs left whose owner was killed. Returns their IDs. */
export function sweepDeadRuns(): readonly string[] {
  const directories = existsSync(labDirectory) ? readdirSync(labDirectory) : [];
  const names = [...namespaceNames(), ...labCgroups()].flatMap((name) => runOfName(name) ?? []);
  const dead = [...new Set([...directories, ...names])].filter((run) => {
    const owner = ownerOf(run);
    return owner !== undefined && !isAlive(owner);
  });
  dead.forEach(removeRun);
  return dead;
}

function namespaceNames(): readonly string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns') : [];
}

function remove({ directory, namespaces, cgroups }: Belongings): void {
  cgroups.forEach(thaw);
  killAll(directory, namespaces);
  unmountUnder(directory);
  for (const socket of shimSockets(directory)) rmSync(socket, { force: true });
  cgroups.forEach(removeCgroup);
  for (const name of namespaces) removeNamespace(name);
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** A process may start another between the look and the kill: look again until none is left. */
function killAll(directory: string, namespaces: readonly string[]): void {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const pids = processesOf(directory, namespaces);
    if (pids.length === 0) return;
    pids.forEach(killNow);
    if (Date.now() > deadline) throw new Error(`processes of ${directory} survive SIGKILL: ${pids.join(', ')}`);
    pause(10);
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself.
  }
}

/** A shim's socket lies outside of dockerd's directories (/run/containerd/s) and outlives a killed shim. */
function shimSockets(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => /io\.containerd\.runtime\.v2\.task\/[^/]+\/[^/]+\/address$/.test(path))
    .map((path) => readFileSync(join(directory, path), 'utf8').trim())
    .filter((address) => address.startsWith('unix:///run/containerd/s/'))
    .map((address) => address.slice('unix://'.length));
}

/** Other runs may be in it. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Not empty, or gone.
  }
}

function removeNamespace(name: string): void {
  if (!existsSync(namespacePath(name))) return;
  execFileSync('ip', ['netns', 'delete', name], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Sleeps without the event loop, which does not turn any more in an `exit` handler. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
