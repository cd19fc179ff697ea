import type { ContainerConfig, Mount, NamespaceOptions, PodSandboxConfig } from '../types.ts';
import type { ContainerCreateBody } from './client.ts';
import { encodeLabels, label } from './labels.ts';
import { containerName, sandboxName } from './names.ts';

/** What the runtime adds to every container, whatever the pod says. */
export interface DockerDefaults {
  /** Largest size of one log file, bytes, and how many of them (json-file driver: Docker cannot reopen logs). */
  readonly logMaxSizeBytes: number;
  readonly logMaxFiles: number;
  /** Lowest `oom_score_adj` that the machine allows; a lower one makes runc fail without CAP_SYS_RESOURCE. */
  readonly minOomScoreAdj: number;
}

/** Sandboxes are the last thing of a pod that the OOM killer may take (kubelet: `defaultSandboxOOMAdj`). */
const sandboxOomScoreAdj = -998;
const sandboxCpuShares = 2;

/**
 * The Docker request for a pod's sandbox: a pause container that owns the pod's network, IPC and, where shared, PID
 * namespaces. Docker's `none` network gives it a namespace with a loopback only; `cni/` does the rest.
 */
export function renderSandbox(
  config: PodSandboxConfig,
  sysctls: Readonly<Record<string, string>>,
  defaults: DockerDefaults,
): ContainerCreateBody {
  const { namespaces } = config;
  return {
    name: sandboxName(config.pod, config.attempt),
    Image: config.image,
    ...(namespaces.hostNetwork ? {} : { Hostname: config.hostname }),
    Labels: encodeLabels('podsandbox', config.pod, 'POD', config.labels, config.annotations),
    HostConfig: {
      NetworkMode: namespaces.hostNetwork ? 'host' : 'none',
      ...(namespaces.hostNetwork ? { UTSMode: 'host' } : { Sysctls: { ...sysctls, ...config.sysctls } }),
      IpcMode: namespaces.hostIpc ? 'host' : 'shareable',
      PidMode: namespaces.hostPid ? 'host' : '',
      CpuShares: sandboxCpuShares,
      OomScoreAdj: Math.max(sandboxOomScoreAdj, defaults.minOomScoreAdj),
      LogConfig: { Type: 'none', Config: {} },
      ReadonlyRootfs: true,
      SecurityOpt: ['no-new-privileges'],
      ...cgroupParent(config.cgroupParent),
    },
  };
}

/** The Docker request for a container of a pod; it joins the namespaces of the sandbox. */
export function renderContainer(
  sandboxId: string,
  config: ContainerConfig,
  logPath: string,
  defaults: DockerDefaults,
): ContainerCreateBody {
  const { resources } = config;
  return {
    name: containerName(config.pod, config.name, config.attempt),
    Image: config.image,
    ...(config.command === undefined ? {} : { Entrypoint: [...config.command] }),
    ...(config.args === undefined ? {} : { Cmd: [...config.args] }),
    ...(config.workingDir === undefined ? {} : { WorkingDir: config.workingDir }),
    Env: [...config.env],
    Labels: {
      ...encodeLabels('container', config.pod, config.name, config.labels, config.annotations),
      [label.sandboxId]: sandboxId,
      [label.logPath]: logPath,
    },
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    Tty: config.tty,
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      ...namespaceModes(sandboxId, config.namespaces),
      Mounts: config.mounts.map(renderMount),
      CpuShares: resources.cpuShares,
      CpuPeriod: resources.cpuPeriod,
      CpuQuota: resources.cpuQuota,
      Memory: resources.memoryLimit,
      MemorySwap: resources.memoryLimit,
      OomScoreAdj: Math.max(config.oomScoreAdj, defaults.minOomScoreAdj),
      LogConfig: {
        Type: 'json-file',
        Config: { 'max-size': String(defaults.logMaxSizeBytes), 'max-file': String(defaults.logMaxFiles) },
      },
      ...cgroupParent(config.cgroupParent),
    },
  };
}

function namespaceModes(sandboxId: string, namespaces: NamespaceOptions): Record<string, string> {
  const sandbox = `container:${sandboxId}`;
  return {
    NetworkMode: sandbox,
    IpcMode: namespaces.hostIpc ? 'host' : sandbox,
    PidMode: namespaces.hostPid ? 'host' : namespaces.shareProcessNamespace ? sandbox : '',
    ...(namespaces.hostNetwork ? { UTSMode: 'host' } : {}),
  };
}

type MountSettings = NonNullable<NonNullable<ContainerCreateBody['HostConfig']>['Mounts']>[number];

/** A private mount asks for nothing: Docker then makes it private, or a slave where the source is under its own root. */
function renderMount({ hostPath, containerPath, readOnly, propagation }: Mount): MountSettings {
  return {
    Type: 'bind',
    Source: hostPath,
    Target: containerPath,
    ReadOnly: readOnly,
    ...(propagation === 'private' ? {} : { BindOptions: { Propagation: propagation } }),
  };
}

function cgroupParent(parent: string | undefined): { CgroupParent?: string } {
  return parent === undefined ? {} : { CgroupParent: parent };
}
