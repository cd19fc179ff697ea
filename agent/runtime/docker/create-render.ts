import type { ContainerConfig, LinuxResources, Mount, NamespaceOptions, PodSandboxConfig } from '../types.ts';
import type { ContainerCreateBody } from './api.ts';
import { encodeLabels, label } from './labels.ts';
import { containerName, sandboxName } from './names.ts';
import { renderSandboxSecurity, renderSecurity } from './security-render.ts';

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
 * namespaces. Its network namespace has a loopback only; `cni/` does the rest. With `NetworkDisabled` the runtime makes that
 * namespace: for its own network `none` Docker runs two programs more at each start, and needs a record of it.
 */
export function renderSandbox(
  config: PodSandboxConfig,
  sysctls: Readonly<Record<string, string>>,
  defaults: DockerDefaults,
): ContainerCreateBody {
  const { namespaces, security } = config;
  const { user, options } = renderSandboxSecurity(security);
  // Sysctls of the network are the host's on the host network: the pod network asks for none there.
  const allSysctls = namespaces.hostNetwork ? config.sysctls : { ...sysctls, ...config.sysctls };
  return {
    name: sandboxName(config.pod, config.attempt),
    Image: config.image,
    ...(namespaces.hostNetwork ? {} : { Hostname: config.hostname, NetworkDisabled: true }),
    ...(user === undefined ? {} : { User: user }),
    Labels: encodeLabels('podsandbox', config.pod, 'POD', config.labels, config.annotations),
    HostConfig: {
      NetworkMode: namespaces.hostNetwork ? 'host' : 'none',
      ...(namespaces.hostNetwork ? { UTSMode: 'host' } : {}),
      ...(Object.keys(allSysctls).length === 0 ? {} : { Sysctls: allSysctls }),
      IpcMode: namespaces.hostIpc ? 'host' : 'shareable',
      PidMode: namespaces.hostPid ? 'host' : '',
      CpuShares: sandboxCpuShares,
      OomScoreAdj: Math.max(sandboxOomScoreAdj, defaults.minOomScoreAdj),
      LogConfig: { Type: 'none', Config: {} },
      ReadonlyRootfs: true,
      SecurityOpt: [...options],
      ...cgroupParent(config.cgroupParent),
      ...runtime(config.runtimeHandler),
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
  const { user, hostConfig } = renderSecurity(config.security);
  return {
    name: containerName(config.pod, config.name, config.attempt),
    Image: config.image,
    ...(config.command === undefined ? {} : { Entrypoint: [...config.command] }),
    ...(config.args === undefined ? {} : { Cmd: [...config.args] }),
    ...(config.workingDir === undefined ? {} : { WorkingDir: config.workingDir }),
    Env: [...config.env],
    ...(user === undefined ? {} : { User: user }),
    ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
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
      ...(config.targetId === undefined ? {} : { PidMode: `container:${config.targetId}` }),
      ...hostConfig,
      Mounts: config.mounts.map(renderMount),
      ...renderResources(config.resources),
      OomScoreAdj: Math.max(config.oomScoreAdj, defaults.minOomScoreAdj),
      LogConfig: {
        Type: 'json-file',
        Config: { 'max-size': String(defaults.logMaxSizeBytes), 'max-file': String(defaults.logMaxFiles) },
      },
      ...cgroupParent(config.cgroupParent),
      ...runtime(config.runtimeHandler),
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

function renderResources(resources: LinuxResources): Partial<NonNullable<ContainerCreateBody['HostConfig']>> {
  return {
    CpuShares: resources.cpuShares,
    CpuPeriod: resources.cpuPeriod,
    CpuQuota: resources.cpuQuota,
    Memory: resources.memoryLimit,
    MemorySwap: resources.memoryLimit,
    ...(resources.pidsLimit === undefined ? {} : { PidsLimit: resources.pidsLimit }),
  };
}

type MountSettings = NonNullable<NonNullable<ContainerCreateBody['HostConfig']>['Mounts']>[number];

function renderMount(mount: Mount): MountSettings {
  const options = bindOptions(mount);
  return {
    Type: 'bind',
    Source: mount.hostPath,
    Target: mount.containerPath,
    ReadOnly: mount.readOnly,
    ...(Object.keys(options).length === 0 ? {} : { BindOptions: options as MountSettings['BindOptions'] }),
  };
}

/**
 * A private mount asks for no propagation: Docker then makes it private, or a slave where the source is under its own
 * root. From API 1.44 on Docker makes what is mounted below a read-only mount read-only too, which Kubernetes does only
 * when asked; an older Docker does not know these options, and never makes it so.
 */
function bindOptions({ readOnly, propagation, recursiveReadOnly }: Mount): Record<string, unknown> {
  return {
    ...(propagation === 'private' ? {} : { Propagation: propagation }),
    ...(!readOnly ? {} : recursiveReadOnly ? { ReadOnlyForceRecursive: true } : { ReadOnlyNonRecursive: true }),
  };
}

function cgroupParent(parent: string | undefined): { CgroupParent?: string } {
  return parent === undefined ? {} : { CgroupParent: parent };
}

function runtime(handler: string | undefined): { Runtime?: string } {
  return handler === undefined ? {} : { Runtime: handler };
}
