import { type CgroupSettings, podCgroupParent } from '../cgroups/names.ts';
import { expandCommand } from '../objects/expand.ts';
import { qosClass } from '../objects/qos.ts';
import type { Container, Pod } from '../objects/types.ts';
import type {
  ContainerConfig,
  ContainerSecurity,
  LinuxResources,
  Mount,
  NamespaceOptions,
  PodIdentity,
  PodSandboxConfig,
  PortMapping,
  SandboxSecurity,
} from '../runtime/types.ts';
import { podSysctls } from '../security/index.ts';
import { annotation, containerHash } from './annotations.ts';
import { isSidecar } from '../objects/pod-resources.ts';
import { oomScoreAdj } from './resources.ts';

export interface SandboxDetails {
  readonly attempt: number;
  readonly image: string;
  readonly hostname: string;
  readonly cgroups: CgroupSettings;
  readonly security: SandboxSecurity;
  readonly runtimeHandler?: string | undefined;
}

/** The sandbox of a pod as the runtime is asked for it. */
export function renderSandboxConfig(pod: Pod, details: SandboxDetails): PodSandboxConfig {
  const { attempt, image, hostname, security, cgroups, runtimeHandler } = details;
  return {
    pod: identityOf(pod),
    attempt,
    image,
    hostname,
    security,
    labels: pod.metadata.labels,
    annotations: { ...pod.metadata.annotations, ...podAnnotations(pod) },
    namespaces: namespaces(pod),
    portMappings: portMappings(pod),
    cgroupParent: cgroupParent(pod, cgroups),
    sysctls: podSysctls(pod),
    runtimeHandler,
  };
}

export interface ContainerDetails {
  readonly attempt: number;
  readonly imageId: string;
  readonly targetId: string | undefined;
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
  readonly cgroups: CgroupSettings;
  readonly security: ContainerSecurity;
  readonly runtimeHandler?: string | undefined;
  readonly resources: LinuxResources;
  /** Bytes. */
  readonly memoryCapacity: number;
}

/** A container of a pod as the runtime is asked for it. */
export function renderContainerConfig(pod: Pod, container: Container, details: ContainerDetails): ContainerConfig {
  const qos = qosClass(pod);
  return {
    pod: identityOf(pod),
    name: container.name,
    attempt: details.attempt,
    image: details.imageId,
    ...expandCommand(container, details.env),
    workingDir: container.workingDir,
    mounts: details.mounts,
    labels: {},
    annotations: { ...containerAnnotations(pod, container, details), ...podAnnotations(pod) },
    namespaces: namespaces(pod),
    ...(details.targetId === undefined ? {} : { targetId: details.targetId }),
    security: details.security,
    stopSignal: container.lifecycle?.stopSignal,
    resources: details.resources,
    cgroupParent: cgroupParent(pod, details.cgroups),
    runtimeHandler: details.runtimeHandler,
    oomScoreAdj: oomScoreAdj(pod, container, qos, details.memoryCapacity),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
  };
}

/** What a daemon needs of a container whose manifest it does not have any more. */
function containerAnnotations(
  pod: Pod,
  container: Container,
  { attempt, resources }: ContainerDetails,
): Record<string, string> {
  const preStop = container.lifecycle?.preStop;
  const sidecar = isSidecar(container)
    ? (pod.spec.initContainers ?? []).findIndex(({ name }) => name === container.name)
    : -1;
  return {
    [annotation.containerHash]: containerHash(container),
    [annotation.restartCount]: String(attempt),
    [annotation.resources]: JSON.stringify(resources),
    [annotation.terminationMessagePath]: container.terminationMessagePath,
    [annotation.terminationMessagePolicy]: container.terminationMessagePolicy,
    ...(preStop === undefined ? {} : { [annotation.preStopHandler]: JSON.stringify(preStop) }),
    ...(container.ports.length === 0 ? {} : { [annotation.ports]: JSON.stringify(container.ports) }),
    ...(sidecar < 0 ? {} : { [annotation.sidecarIndex]: String(sidecar) }),
  };
}

/** What a daemon needs to end a pod whose manifest is gone. */
function podAnnotations(pod: Pod): Record<string, string> {
  return {
    [annotation.terminationGracePeriod]: String(pod.spec.terminationGracePeriodSeconds),
    [annotation.qosClass]: qosClass(pod),
  };
}

export function identityOf(pod: Pod): PodIdentity {
  const { name, namespace, uid } = pod.metadata;
  return { name, namespace, uid };
}

/** Undefined: where the runtime puts containers. */
function cgroupParent(pod: Pod, settings: CgroupSettings): string | undefined {
  return settings.perQos === false ? undefined : podCgroupParent(settings, qosClass(pod), pod.metadata.uid);
}

function namespaces(pod: Pod): NamespaceOptions {
  return {
    hostNetwork: pod.spec.hostNetwork ?? false,
    hostPid: pod.spec.hostPID ?? false,
    hostIpc: pod.spec.hostIPC ?? false,
    shareProcessNamespace: pod.spec.shareProcessNamespace ?? false,
  };
}

/** Host ports of all containers; a pod on the host network listens on the host itself. */
function portMappings(pod: Pod): PortMapping[] {
  if (pod.spec.hostNetwork === true) return [];
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar);
  return [...sidecars, ...pod.spec.containers].flatMap(({ ports }) =>
    ports.flatMap(({ protocol, containerPort, hostPort, hostIP }) =>
      hostPort === undefined || hostPort === 0 ? [] : [{ protocol, containerPort, hostPort, hostIp: hostIP ?? '' }],
    ),
  );
}
