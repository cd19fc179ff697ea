import { type CgroupSettings, podCgroupParent } from '../cgroups/names.ts';
import { expandContainer } from '../objects/expand.ts';
import { qosClass } from '../objects/qos.ts';
import type { Container, Pod } from '../objects/types.ts';
import type {
  ContainerConfig,
  Mount,
  NamespaceOptions,
  PodIdentity,
  PodSandboxConfig,
  PortMapping,
} from '../runtime/types.ts';
import { annotation, containerHash } from './annotations.ts';
import { linuxResources, oomScoreAdj } from './resources.ts';

/** Longest name that the kernel takes as a hostname (kubelet: `truncatePodHostnameIfNeeded`). */
const maxHostnameLength = 63;

/** The sandbox of a pod as the runtime is asked for it. */
export function renderSandboxConfig(
  pod: Pod,
  attempt: number,
  image: string,
  cgroups: CgroupSettings,
): PodSandboxConfig {
  return {
    pod: identity(pod),
    attempt,
    image,
    hostname: hostname(pod),
    labels: pod.metadata.labels,
    annotations: { ...pod.metadata.annotations, ...podAnnotations(pod) },
    namespaces: namespaces(pod),
    portMappings: portMappings(pod),
    cgroupParent: podCgroupParent(cgroups, qosClass(pod), pod.metadata.uid),
    sysctls: {},
  };
}

export interface ContainerDetails {
  readonly attempt: number;
  readonly imageId: string;
  readonly mounts: readonly Mount[];
  readonly cgroups: CgroupSettings;
  /** Bytes. */
  readonly memoryCapacity: number;
}

/** A container of a pod as the runtime is asked for it. */
export function renderContainerConfig(pod: Pod, container: Container, details: ContainerDetails): ContainerConfig {
  const qos = qosClass(pod);
  return {
    pod: identity(pod),
    name: container.name,
    attempt: details.attempt,
    image: details.imageId,
    ...expandContainer(container),
    workingDir: container.workingDir,
    mounts: details.mounts,
    labels: {},
    annotations: {
      [annotation.containerHash]: containerHash(container),
      [annotation.restartCount]: String(details.attempt),
      [annotation.terminationMessagePath]: container.terminationMessagePath,
      [annotation.terminationMessagePolicy]: container.terminationMessagePolicy,
      ...podAnnotations(pod),
    },
    namespaces: namespaces(pod),
    resources: linuxResources(container),
    cgroupParent: podCgroupParent(details.cgroups, qos, pod.metadata.uid),
    oomScoreAdj: oomScoreAdj(pod, container, qos, details.memoryCapacity),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
  };
}

/** What a daemon needs to end a pod whose manifest is gone. */
function podAnnotations(pod: Pod): Record<string, string> {
  return {
    [annotation.terminationGracePeriod]: String(pod.spec.terminationGracePeriodSeconds),
    [annotation.qosClass]: qosClass(pod),
  };
}

function identity(pod: Pod): PodIdentity {
  const { name, namespace, uid } = pod.metadata;
  return { name, namespace, uid };
}

function hostname(pod: Pod): string {
  const name = pod.spec.hostname ?? pod.metadata.name;
  return name.slice(0, maxHostnameLength).replace(/[-.]+$/, '');
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
  return pod.spec.containers.flatMap(({ ports }) =>
    ports.flatMap(({ protocol, containerPort, hostPort, hostIP }) =>
      hostPort === undefined || hostPort === 0 ? [] : [{ protocol, containerPort, hostPort, hostIp: hostIP ?? '' }],
    ),
  );
}
