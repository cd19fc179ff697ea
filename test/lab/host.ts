import type Docker from 'dockerode';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { hostPaths, renderConfig, type ConfigOverrides, type HostPaths } from './config.ts';
import { podwrightProgram, spawnDaemon, type DaemonHandle } from './daemon.ts';
import { createDockerd, type Dockerd } from './dockerd.ts';
import { describeFootprint, podContainers, readFootprint, type Footprint } from './footprint.ts';
import { loadImages, testImages, type TestImage } from './images.ts';
import { bridgeNamespace, type HostNames } from './names.ts';
import { createHostNetwork } from './network.ts';
import { createOwned } from './owned.ts';
import { createPrivateDirectories } from './private-directories.ts';
import { runIn, type CommandOptions, type CommandResult } from './run-in.ts';
import { statusArgs, statusCalls, type StatusCalls } from './status.ts';

export interface HostOptions {
  /** Default `203.0.113.0/24`; dual stack with a comma. */
  readonly podCidr?: string;
  /** Default `h<n>`. */
  readonly nodeName?: string;
  /** Further arguments of dockerd, e.g. `--live-restore`. */
  readonly dockerArgs?: readonly string[];
  /** Default {@link testImages}. */
  readonly images?: readonly TestImage[];
  /** False: dockerd is not started, and no image is there. */
  readonly docker?: boolean;
  /** Directories that this host has for itself, as `/etc/kubernetes`: see {@link privatePath}. */
  readonly privateDirectories?: readonly string[];
}

export interface DaemonOptions extends ConfigOverrides {
  /** The CLI; default the built one. */
  readonly program?: string;
  /** Further arguments of `podwright run`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A machine of its own, as far as pods can tell: network namespace, dockerd, directories. */
export interface TestHost extends HostPaths, StatusCalls {
  readonly name: string;
  /** On the network between the hosts. */
  readonly address: string;
  readonly address6: string;
  readonly podCidr: string;
  readonly netns: string;
  readonly mounts: string | undefined;
  readonly dir: string;
  readonly cgroup: string;
  readonly docker: Docker;
  startDocker(): Promise<void>;
  stopDocker(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  restartDocker(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Runs a program in the host's network namespace. Never rejects for an exit code. */
  exec(file: string, args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Runs the built podwright CLI. */
  podwright(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  startDaemon(options?: DaemonOptions): DaemonHandle;
  /** Writes a manifest under a temporary name and renames it: the daemon sees the whole file or none. */
  drop(fileName: string, manifest: string | object): void;
  removeManifest(fileName: string): void;
  /** `docker ps -a` of the pods' containers. */
  containers(): Promise<readonly Docker.ContainerInfo[]>;
  footprint(): Promise<Footprint>;
  /** What is left of pods, one readable line each; empty when all is gone. */
  leaks(): Promise<readonly string[]>;
  /** Removes the host and everything in it. May be repeated. */
  remove(): void;
}

/**
 * Makes a test host and starts its dockerd. Whatever happens, it is gone at the end: removed by {@link TestHost.remove},
 * by the end of this process, or, after a SIGKILL, by the next process that makes a test host.
 */
export async function createHost(options: HostOptions = {}): Promise<TestHost> {
  return createOwned((names, remove) => assemble(names, options, remove));
}

async function assemble(owned: HostNames, options: HostOptions, remove: () => void): Promise<TestHost> {
  const { dir, netns, cgroup } = owned;
  const paths = hostPaths(dir);
  const podCidr = options.podCidr ?? '203.0.113.0/24';
  const name = options.nodeName ?? `h${owned.index}`;
  makeDirectories(paths);
  const addresses = await createHostNetwork(owned, bridgeNamespace(owned.run));
  const names = { ...owned, mounts: await mountsOf(owned, options) };
  const dockerd = createDockerd(names, paths.dockerSocket, options.dockerArgs ?? []);
  if (options.docker !== false) await startWithImages(dockerd, options.images ?? testImages);
  const subject = { names, paths, docker: dockerd.client, podCidr };
  let daemon: DaemonHandle | undefined;

  return {
    ...{ ...paths, ...addresses, name, podCidr, netns, dir, cgroup, docker: dockerd.client, remove },
    mounts: names.mounts,
    startDocker: async () => dockerd.start(),
    stopDocker: async (signal = 'SIGTERM') => dockerd.stop(signal),
    restartDocker: async (signal = 'SIGTERM') => {
      await dockerd.stop(signal);
      await dockerd.start();
    },
    exec: async (file, args, commandOptions) => runIn(names, file, args, commandOptions),
    podwright: async (args, commandOptions) =>
      runIn(names, process.execPath, [podwrightProgram, ...args], commandOptions),
    startDaemon: (daemonOptions = {}) => {
      daemon = startDaemon({ names, paths, podCidr, nodeName: name }, daemonOptions);
      return daemon;
    },
    ...statusCalls(
      async () => runIn(names, process.execPath, [podwrightProgram, ...statusArgs(paths.podwrightSocket)]),
      () => daemon?.describe() ?? 'no daemon was started',
    ),
    drop: (fileName, manifest) => dropManifest(paths.manifestDir, fileName, manifest),
    removeManifest: (fileName) => rmSync(join(paths.manifestDir, fileName), { force: true }),
    containers: async () => podContainers(dockerd.client),
    footprint: async () => readFootprint(subject),
    leaks: async () => describeFootprint(await readFootprint(subject)),
  };
}

async function mountsOf(names: HostNames, { privateDirectories }: HostOptions): Promise<string | undefined> {
  return privateDirectories === undefined ? undefined : createPrivateDirectories(names, privateDirectories);
}

function makeDirectories(paths: HostPaths): void {
  for (const directory of [paths.manifestDir, paths.cniConfDir, paths.cniBinDir]) {
    mkdirSync(directory, { recursive: true });
  }
}

async function startWithImages(dockerd: Dockerd, images: readonly TestImage[]): Promise<void> {
  await dockerd.start();
  if (images.length > 0) await loadImages(dockerd.client, images);
}

interface DaemonSubject {
  readonly names: HostNames;
  readonly paths: HostPaths;
  readonly podCidr: string;
  readonly nodeName: string;
}

let daemons = 0;

function startDaemon(subject: DaemonSubject, options: DaemonOptions): DaemonHandle {
  const { program = podwrightProgram, args = [], env = {}, ...overrides } = options;
  const { names, paths, podCidr, nodeName } = subject;
  writeFileSync(paths.configFile, renderConfig(names, paths, podCidr, overrides));
  const flags = {
    '--config': paths.configFile,
    '--root-dir': paths.rootDir,
    '--manifests': paths.manifestDir,
    '--docker-host': `unix://${paths.dockerSocket}`,
    '--socket': paths.podwrightSocket,
    '--hostname-override': nodeName,
  };
  daemons += 1;
  return spawnDaemon({
    ...{ host: names, program },
    args: ['run', ...Object.entries(flags).flat(), ...args],
    env,
    logFile: join(names.dir, `podwright-${daemons}.log`),
  });
}

function dropManifest(directory: string, fileName: string, manifest: string | object): void {
  const temporary = join(directory, `.${fileName}.tmp`);
  writeFileSync(temporary, typeof manifest === 'string' ? manifest : stringify(manifest));
  renameSync(temporary, join(directory, fileName));
}
