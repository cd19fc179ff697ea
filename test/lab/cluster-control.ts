import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterCalls } from './cluster-calls.ts';
import {
  apiServerFlags,
  controllerManagerFlags,
  etcdFlags,
  schedulerFlags,
  type ClusterSettings,
  type ControlPlane,
} from './cluster-flags.ts';
import { clusterProcess, type ClusterProcess } from './cluster-processes.ts';
import type { ClusterPrograms } from './cluster-programs.ts';
import { until } from './wait.ts';

/** Further arguments of the programs, e.g. `--feature-gates=...`. */
export interface ControlPlaneArgs {
  readonly apiServerArgs?: readonly string[];
  readonly controllerManagerArgs?: readonly string[];
  readonly schedulerArgs?: readonly string[];
}

export interface ControlPlaneProcesses {
  readonly etcd: ClusterProcess;
  readonly apiServer: ClusterProcess;
  readonly controllerManager: ClusterProcess;
  readonly scheduler: ClusterProcess;
}

export interface ControlPlaneSubject {
  readonly plane: ControlPlane;
  readonly netns: string;
  readonly programs: ClusterPrograms;
  readonly settings: ClusterSettings;
  /** Path of the controller manager's. */
  readonly controllerManagerKubeconfig: string;
  /** Path of the scheduler's. */
  readonly schedulerKubeconfig: string;
}

/** Stopping and starting the parts of the control plane. A stop sends SIGKILL unless told otherwise. */
export interface ClusterControl {
  /** By program: `etcd`, `kube-apiserver`, `kube-controller-manager`, `kube-scheduler`. */
  readonly logFiles: Readonly<Record<string, string>>;
  /** After SIGTERM the API server may wait a minute for its watches before it ends. */
  readonly stopApiServer: (signal?: NodeJS.Signals) => Promise<void>;
  /** Resolves when it is ready. */
  readonly startApiServer: () => Promise<void>;
  readonly stopEtcd: (signal?: NodeJS.Signals) => Promise<void>;
  /** Resolves when the API server is ready again, if that runs. */
  readonly startEtcd: () => Promise<void>;
  readonly stopControllerManager: (signal?: NodeJS.Signals) => Promise<void>;
  readonly startControllerManager: () => void;
  readonly restartControllerManager: () => Promise<void>;
  readonly stopScheduler: (signal?: NodeJS.Signals) => Promise<void>;
  readonly startScheduler: () => void;
  /** The ends of all logs: for error messages. */
  readonly describe: () => string;
}

export function controlPlaneProcesses(subject: ControlPlaneSubject, args: ControlPlaneArgs): ControlPlaneProcesses {
  const { plane, netns, programs, settings } = subject;
  const logs = join(plane.dir, 'logs');
  mkdirSync(logs, { recursive: true });
  const make = (
    name: string,
    file: string,
    flags: Readonly<Record<string, string | undefined>>,
    extraArgs: readonly string[] = [],
  ): ClusterProcess => clusterProcess({ netns, file, flags, extraArgs, logFile: join(logs, `${name}.log`) });
  const managerFlags = controllerManagerFlags(plane, subject.controllerManagerKubeconfig, settings);
  return {
    etcd: make('etcd', programs.etcd, etcdFlags(plane)),
    apiServer: make('kube-apiserver', programs.apiServer, apiServerFlags(plane, settings), args.apiServerArgs),
    controllerManager: make(
      'kube-controller-manager',
      programs.controllerManager,
      managerFlags,
      args.controllerManagerArgs,
    ),
    scheduler: make(
      'kube-scheduler',
      programs.scheduler,
      schedulerFlags(subject.schedulerKubeconfig),
      args.schedulerArgs,
    ),
  };
}

export function clusterControl(
  { etcd, apiServer, controllerManager, scheduler }: ControlPlaneProcesses,
  { kubectl }: Pick<ClusterCalls, 'kubectl'>,
): ClusterControl {
  const all = [etcd, apiServer, controllerManager, scheduler];
  const describe = (): string => all.map((program) => program.describe()).join('\n\n');
  const waitUntilReady = async (): Promise<void> => {
    const probe = async (): Promise<boolean> => {
      if (!apiServer.isRunning()) throw new Error('kube-apiserver has ended');
      return (await kubectl(['get', '--raw', '/readyz', '--request-timeout=5s'])).exitCode === 0;
    };
    const explain = (): string => `${apiServer.describe()}\n${etcd.describe()}`;
    await until('the API server to be ready', 180_000, probe, { intervalMs: 250, explain });
  };
  return {
    logFiles: {
      etcd: etcd.logFile,
      'kube-apiserver': apiServer.logFile,
      'kube-controller-manager': controllerManager.logFile,
      'kube-scheduler': scheduler.logFile,
    },
    ...{ describe, stopApiServer: apiServer.stop, stopEtcd: etcd.stop },
    ...{ stopControllerManager: controllerManager.stop, startControllerManager: controllerManager.start },
    ...{ stopScheduler: scheduler.stop, startScheduler: scheduler.start },
    startApiServer: async () => {
      apiServer.start();
      await waitUntilReady();
    },
    startEtcd: async () => {
      etcd.start();
      if (apiServer.isRunning()) await waitUntilReady();
    },
    restartControllerManager: async () => {
      await controllerManager.stop();
      controllerManager.start();
    },
  };
}
