import type {
  IContainer,
  IContainerPort,
  IContainerStatus,
  IEnvVar,
  IPod,
  IPodCondition,
  IPodSpec,
  IPodStatus,
  IVolume,
  IVolumeMount,
} from 'kubernetes-models/v1';

type With<T, K extends keyof T> = T & { [P in K]-?: NonNullable<T[P]> };

export type { IContainerStatus as ContainerStatus, IPodCondition as PodCondition, IPodStatus as PodStatus };
export type { IEnvVar as EnvVar, IVolume as Volume, IVolumeMount as VolumeMount };
export type ContainerPort = With<IContainerPort, 'protocol'>;

/** A container after defaulting: the fields that the node acts on are there. */
export type Container = Omit<
  With<
    IContainer,
    'image' | 'imagePullPolicy' | 'resources' | 'terminationMessagePath' | 'terminationMessagePolicy' | 'env'
  >,
  'ports' | 'volumeMounts'
> & { ports: ContainerPort[]; volumeMounts: IVolumeMount[] };

export type PodSpec = Omit<
  With<IPodSpec, 'restartPolicy' | 'terminationGracePeriodSeconds' | 'dnsPolicy' | 'nodeName' | 'volumes'>,
  'containers' | 'initContainers'
> & { containers: Container[]; initContainers?: Container[] };

export type PodMetadata = NonNullable<IPod['metadata']> & {
  name: string;
  namespace: string;
  uid: string;
  annotations: Record<string, string>;
  labels: Record<string, string>;
};

/**
 * A v1 Pod, validated and defaulted. The object is the decoded JSON itself: fields that podwright does not know are
 * still on it and are never lost.
 */
export interface Pod {
  apiVersion: 'v1';
  kind: 'Pod';
  metadata: PodMetadata;
  spec: PodSpec;
  status?: IPodStatus;
}

/** `namespace/name`, the form in which kubectl users know a pod. */
export function podKey(pod: { metadata: { namespace: string; name: string } }): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}
