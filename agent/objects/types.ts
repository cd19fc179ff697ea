import type { IEndpointSlice } from 'kubernetes-models/discovery.k8s.io/v1';
import type {
  IConfigMap,
  IContainer,
  IContainerPort,
  IContainerStatus,
  IEnvVar,
  IEnvVarSource,
  ILifecycle,
  IObjectFieldSelector,
  IPersistentVolume,
  IPersistentVolumeClaim,
  IPod,
  IPodCondition,
  IPodSpec,
  IPodStatus,
  IProbe,
  IProjectedVolumeSource,
  ISecret,
  IService,
  IVolume,
  IVolumeMount,
  IVolumeProjection,
} from 'kubernetes-models/v1';

type With<T, K extends keyof T> = T & { [P in K]-?: NonNullable<T[P]> };

export type { IContainerStatus as ContainerStatus, IPodCondition as PodCondition, IPodStatus as PodStatus };
export type { IVolumeMount as VolumeMount, IObjectFieldSelector as FieldRef, IProbe as Probe, ILifecycle as Lifecycle };

/** A key of a file that a container of the pod has written (KEP-3721, since 1.34). */
export interface FileKeyRef {
  volumeName: string;
  path: string;
  key: string;
  optional?: boolean;
}

export type EnvVarSource = IEnvVarSource & { fileKeyRef?: FileKeyRef };
export type EnvVar = Omit<IEnvVar, 'valueFrom'> & { valueFrom?: EnvVarSource };

/** Files of a certificate that the kubelet asks a signer for (KEP-4317, since 1.34). */
export interface PodCertificateProjection {
  signerName: string;
  keyType: string;
  maxExpirationSeconds?: number;
  credentialBundlePath?: string;
  keyPath?: string;
  certificateChainPath?: string;
  userAnnotations?: Record<string, string>;
}

export type ProjectionSource = IVolumeProjection & { podCertificate?: PodCertificateProjection };
export type ProjectedVolume = Omit<IProjectedVolumeSource, 'sources'> & { sources?: ProjectionSource[] };
export type Volume = Omit<IVolume, 'projected'> & { projected?: ProjectedVolume };

/** What a container does when it ends with certain exit codes (KEP-5307, since 1.34). */
export interface RestartRule {
  action: string;
  exitCodes?: { operator: string; values?: number[] };
}

export type ContainerPort = With<IContainerPort, 'protocol'>;

/** A container after defaulting: the fields that the node acts on are there. */
export type Container = Omit<
  With<
    IContainer,
    'image' | 'imagePullPolicy' | 'resources' | 'terminationMessagePath' | 'terminationMessagePolicy' | 'env'
  >,
  'ports' | 'volumeMounts' | 'env'
> & { ports: ContainerPort[]; volumeMounts: IVolumeMount[]; env: EnvVar[]; restartPolicyRules?: RestartRule[] };

/** A container that is put into a running pod, to look at it. */
export type EphemeralContainer = Container & { targetContainerName?: string };

export type PodSpec = Omit<
  With<IPodSpec, 'restartPolicy' | 'terminationGracePeriodSeconds' | 'dnsPolicy' | 'nodeName' | 'volumes'>,
  'containers' | 'initContainers' | 'ephemeralContainers' | 'volumes'
> & {
  containers: Container[];
  initContainers?: Container[];
  ephemeralContainers?: EphemeralContainer[];
  volumes: Volume[];
  /** The hostname whatever `hostname` and `subdomain` say (KEP-4762, since 1.34). */
  hostnameOverride?: string;
};

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

/** Whether an API server was asked to delete the pod, which stays until its node has ended it. */
export function isDeleted(pod: Pod | undefined): boolean {
  return pod?.metadata.deletionTimestamp !== undefined;
}

type ObjectOf<T extends { metadata?: unknown }, Kind extends string, Version extends string = 'v1'> = Omit<
  T,
  'apiVersion' | 'kind' | 'metadata'
> & {
  apiVersion: Version;
  kind: Kind;
  metadata: Pick<PodMetadata, 'name' | 'namespace' | 'uid' | 'labels' | 'annotations' | 'ownerReferences'> & {
    resourceVersion?: string;
    creationTimestamp?: string;
  };
};

/**
 * The kinds that serve pods beside them, validated and defaulted. `namespace` is empty for a PersistentVolume. A Secret has
 * `data` only (base64), whatever its manifest said in `stringData`.
 */
export type ConfigMap = ObjectOf<IConfigMap, 'ConfigMap'>;
export type Secret = ObjectOf<ISecret, 'Secret'>;
export type PersistentVolume = ObjectOf<IPersistentVolume, 'PersistentVolume'>;
export type PersistentVolumeClaim = ObjectOf<IPersistentVolumeClaim, 'PersistentVolumeClaim'>;
export type Service = ObjectOf<IService, 'Service'>;

/** Addresses that all have the same ports (core v1, in its last form). */
export interface EndpointSubset {
  addresses?: EndpointAddress[];
  notReadyAddresses?: EndpointAddress[];
  ports?: { name?: string; port: number; protocol?: string; appProtocol?: string }[];
}

export interface EndpointAddress {
  ip: string;
  hostname?: string;
  nodeName?: string;
  targetRef?: { kind?: string; namespace?: string; name?: string; uid?: string };
}

/** Endpoints of Services that have no selector, in the older and the newer form. */
export type Endpoints = ObjectOf<{ metadata?: unknown; subsets?: EndpointSubset[] }, 'Endpoints'>;
export type EndpointSlice = ObjectOf<IEndpointSlice, 'EndpointSlice', 'discovery.k8s.io/v1'>;

export interface ObjectsByKind {
  ConfigMap: ConfigMap;
  Secret: Secret;
  PersistentVolume: PersistentVolume;
  PersistentVolumeClaim: PersistentVolumeClaim;
  Service: Service;
  Endpoints: Endpoints;
  EndpointSlice: EndpointSlice;
}

export type ObjectKind = keyof ObjectsByKind;

/** Read access to the objects that pods refer to. */
export interface ObjectReader {
  /** @param namespace ignored for a PersistentVolume */
  object<K extends ObjectKind>(kind: K, namespace: string, name: string): ObjectsByKind[K] | undefined;
  objects<K extends ObjectKind>(kind: K): readonly ObjectsByKind[K][];
}

/** `Kind/namespace/name`; the namespace of a PersistentVolume is empty. */
export function objectKey(kind: ObjectKind, namespace: string, name: string): string {
  return `${kind}/${kind === 'PersistentVolume' ? '' : namespace}/${name}`;
}
