import type { IContainer, IPod, IPodSpec, IResourceRequirements, IVolume } from 'kubernetes-models/v1';
import { imageTag } from './image-name.ts';
import type { Container, ContainerPort, Pod, PodSpec } from './types.ts';
import { VOLUME_SOURCES } from './pod-schema.ts';

/*
 * What the API server fills in (`pkg/apis/core/v1/defaults.go`), and beyond that empty lists and maps, so that readers need not ask
 * whether they are there. In Go an empty text is an absent one, and so it is here.
 */

/** A pod with every default in its place. The input is not changed. */
export function defaultPod(pod: IPod): Pod {
  const metadata = pod.metadata ?? {};
  return {
    ...pod,
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      name: metadata.name ?? '',
      namespace: or(metadata.namespace, 'default'),
      uid: metadata.uid ?? '',
      labels: { ...metadata.labels },
      annotations: { ...metadata.annotations },
    },
    spec: defaultSpec(pod.spec ?? { containers: [] }),
  };
}

function defaultSpec(spec: IPodSpec): PodSpec {
  const { initContainers, ...rest } = spec;
  const containers = (list: readonly IContainer[]): Container[] =>
    list.map((container) => defaultContainer(container, spec.hostNetwork === true));
  return {
    ...rest,
    containers: containers(spec.containers ?? []),
    ...(initContainers === undefined ? {} : { initContainers: containers(initContainers) }),
    volumes: (spec.volumes ?? []).map(defaultVolume),
    restartPolicy: or(spec.restartPolicy, 'Always'),
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    dnsPolicy: or(spec.dnsPolicy, 'ClusterFirst'),
    nodeName: spec.nodeName ?? '',
    schedulerName: or(spec.schedulerName, 'default-scheduler'),
    securityContext: spec.securityContext ?? {},
    enableServiceLinks: spec.enableServiceLinks ?? true,
  };
}

function defaultContainer(container: IContainer, hostNetwork: boolean): Container {
  const image = container.image ?? '';
  return {
    ...container,
    image,
    imagePullPolicy: or(container.imagePullPolicy, imageTag(image) === 'latest' ? 'Always' : 'IfNotPresent'),
    resources: defaultResources(container.resources ?? {}),
    env: container.env ?? [],
    ports: (container.ports ?? []).map((port): ContainerPort => {
      const hostPort = hostNetwork && (port.hostPort ?? 0) === 0 ? { hostPort: port.containerPort } : {};
      return { ...port, ...hostPort, protocol: or(port.protocol, 'TCP') };
    }),
    volumeMounts: container.volumeMounts ?? [],
    terminationMessagePath: or(container.terminationMessagePath, '/dev/termination-log'),
    terminationMessagePolicy: or(container.terminationMessagePolicy, 'File'),
  };
}

/** What is limited and not requested is requested up to its limit. */
function defaultResources(resources: IResourceRequirements): IResourceRequirements {
  if (resources.limits === undefined) return resources;
  return { ...resources, requests: { ...resources.limits, ...resources.requests } };
}

function defaultVolume(volume: IVolume): IVolume {
  if (!VOLUME_SOURCES.some((source) => volume[source] !== undefined)) return { ...volume, emptyDir: {} };
  if (volume.hostPath === undefined) return volume;
  return { ...volume, hostPath: { ...volume.hostPath, type: volume.hostPath.type ?? '' } };
}

function or<T extends string>(value: T | undefined, fallback: NoInfer<T>): T {
  return value === undefined || value.length === 0 ? fallback : value;
}
