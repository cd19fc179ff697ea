import Docker from 'dockerode';
import { spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { enterArgs, type HostNames, type ProcessIdentity } from './names.ts';
import { identify, isAlive, isInProcessTable, processesOf, processStat } from './processes.ts';
import { until } from './wait.ts';

/** The dockerd of one test host. */
export interface Dockerd {
  readonly client: Docker;
  /** Starts dockerd, unless it runs, and waits until it answers. */
  start(): Promise<void>;
  /** Stops dockerd and its containerd. After SIGKILL the containers and their shims go on. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/**
 * @param extraArgs further arguments, e.g. `['--live-restore']`
 */
export function createDockerd(names: HostNames, socket: string, extraArgs: readonly string[]): Dockerd {
  const client = new Docker({ socketPath: socket });
  let dockerd: ProcessIdentity | undefined;

  return {
    client,
    start: async () => {
      if (dockerd !== undefined && isAlive(dockerd)) return;
      dockerd = launch(names, dockerdArgs(names, socket, extraArgs));
      await waitUntilUp(names, client, dockerd);
    },
    stop: async (signal) => {
      if (dockerd === undefined || !isAlive(dockerd)) return;
      const ended = [dockerd, ...childrenOf(dockerd.pid, names)];
      process.kill(dockerd.pid, signal);
      // A new dockerd takes a containerd that is still a zombie for a running one, and waits 15 s for it in vain.
      await until(`dockerd of ${names.netns} to stop`, 40_000, () => !ended.some(isInProcessTable));
    },
  };
}

/**
 * A private dockerd beside the machine's own: own directories, own cgroup, no configuration file of the machine, no
 * link and no rule of its own making.
 */
function dockerdArgs({ dir, cgroup }: HostNames, socket: string, extraArgs: readonly string[]): readonly string[] {
  const configFile = join(dir, 'daemon.json');
  writeFileSync(configFile, '{}');
  return [
    ...['--config-file', configFile, '--host', `unix://${socket}`, '--pidfile', join(dir, 'docker.pid')],
    ...['--data-root', join(dir, 'd'), '--exec-root', join(dir, 'e')],
    ...['--bridge', 'none', '--iptables=false', '--ip6tables=false'],
    ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', cgroup],
    ...['--insecure-registry', '198.51.100.0/24', '--log-level', 'warn'],
    ...extraArgs,
  ];
}

/** nsenter, not `ip netns exec`: that one mounts another /sys, without the cgroups. */
function launch(names: HostNames, args: readonly string[]): ProcessIdentity {
  const { dir } = names;
  const log = openSync(logFile(dir), 'a');
  const child = spawn('nsenter', [...enterArgs(names), 'dockerd', ...args], {
    stdio: ['ignore', log, log],
    env: withoutProxies(process.env),
    detached: true, // Ctrl-C ends the tests first; the lab then ends dockerd
  });
  closeSync(log);
  child.on('error', () => undefined); // seen by waitUntilUp: there is no such process
  child.unref();
  return identify(child.pid ?? 0);
}

async function waitUntilUp({ dir, netns }: HostNames, client: Docker, dockerd: ProcessIdentity): Promise<void> {
  const log = (): string => readFileSync(logFile(dir), 'utf8').slice(-4_000);
  await until(
    `dockerd of ${netns} to answer`,
    30_000,
    async () => {
      if (!isAlive(dockerd)) return 'exited';
      await client.ping();
      return 'up';
    },
    { explain: log },
  ).then((state) => {
    if (state === 'exited') throw new Error(`dockerd of ${netns} did not start:\n${log()}`);
  });
}

function logFile(dir: string): string {
  return join(dir, 'docker.log');
}

/** containerd, which dockerd started and which must be gone before the next dockerd. */
function childrenOf(pid: number, { dir, netns }: HostNames): readonly ProcessIdentity[] {
  return processesOf(dir, [netns])
    .filter((child) => processStat(child)?.parent === pid)
    .map(identify);
}

/** A proxy is on the way out of the machine, and the lab has none. */
function withoutProxies(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/_proxy$/i.test(name)));
}
