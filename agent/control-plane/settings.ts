import type { NodePaths } from '../bootstrap/paths.ts';
import type { BootstrapToken } from '../bootstrap/token.ts';
import type { KubernetesVersion } from './version.ts';

/** A flag of a program: `name` without dashes. */
export interface Argument {
  readonly name: string;
  readonly value: string;
}

/** A directory or file of the host in a part of the control plane, as kubeadm's `extraVolumes`. */
export interface HostPathMount {
  readonly name: string;
  readonly hostPath: string;
  readonly mountPath: string;
  readonly readOnly: boolean;
  readonly pathType: string | undefined;
}

/** What is particular to one program of the control plane. */
export interface ComponentSettings {
  readonly extraArgs: readonly Argument[];
  readonly extraVolumes: readonly HostPathMount[];
  readonly extraEnvs: readonly { readonly name: string; readonly value?: string }[];
}

export interface TokenSettings {
  readonly token: BootstrapToken;
  /** Undefined: it never ends. */
  readonly ttlMs: number | undefined;
  readonly description: string | undefined;
  readonly groups: readonly string[];
  readonly usages: readonly string[];
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

/** All that `podwright init` is told; validated. */
export interface InitSettings {
  readonly version: KubernetesVersion;
  readonly clusterName: string;
  readonly nodeName: string;
  /** Address and port of this node's API server. */
  readonly advertiseAddress: string;
  readonly bindPort: number;
  /** `host:port` that clients use; undefined for that of this node. */
  readonly controlPlaneEndpoint: string | undefined;
  /** One range, or one of each family with a comma; undefined: nodes get no share. */
  readonly podSubnet: string | undefined;
  readonly serviceSubnet: string;
  readonly dnsDomain: string;
  readonly images: ControlPlaneImages;
  readonly imagePullPolicy: string;
  readonly kubernetesDir: string;
  readonly rootDir: string;
  readonly certificatesDir: string;
  readonly etcdDataDir: string;
  readonly etcdSans: { readonly server: readonly string[]; readonly peer: readonly string[] };
  readonly certSans: readonly string[];
  readonly keyAlgorithm: KeyAlgorithm;
  readonly lifetimes: Lifetimes;
  readonly components: Readonly<Record<ComponentName, ComponentSettings>>;
  readonly tokens: readonly TokenSettings[];
  readonly taints: readonly Taint[];
  readonly kubeletArgs: readonly Argument[];
  /** Documents of the configuration file over what podwright puts into the cluster's ConfigMaps. */
  readonly kubeletConfig: Fields;
  readonly kubeProxyConfig: Fields;
  readonly paths: NodePaths;
  readonly startTimeoutMs: number;
  /** Where dockerd answers; undefined for the usual place. */
  readonly dockerHost: string | undefined;
  /** Files to `docker load` before anything starts. */
  readonly imageArchives: readonly string[];
  /** In lower case; `all` for each. */
  readonly ignoredErrors: ReadonlySet<string>;
  readonly skippedPhases: ReadonlySet<string>;
  readonly skipTokenPrint: boolean;
  readonly dryRun: boolean;
}

export type Fields = Readonly<Record<string, unknown>>;

export const componentNames = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
export type ComponentName = (typeof componentNames)[number];

export type ControlPlaneImages = Readonly<Record<ComponentName | 'coredns', string>>;

/** kubeadm's names of v1beta4. */
export const keyAlgorithms = ['RSA-2048', 'RSA-3072', 'RSA-4096', 'ECDSA-P256', 'ECDSA-P384'] as const;
export type KeyAlgorithm = (typeof keyAlgorithms)[number];

export interface Lifetimes {
  readonly certificateMs: number;
  readonly authorityMs: number;
}

/** `host:port`, with an IPv6 address in brackets. */
export const hostPort = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Where clients find the API server, as `https://192.0.2.1:6443`. */
export function serverUrl(
  settings: Pick<InitSettings, 'controlPlaneEndpoint' | 'advertiseAddress' | 'bindPort'>,
): string {
  return `https://${settings.controlPlaneEndpoint ?? localEndpoint(settings)}`;
}

export const localEndpoint = ({
  advertiseAddress,
  bindPort,
}: Pick<InitSettings, 'advertiseAddress' | 'bindPort'>): string => hostPort(advertiseAddress, bindPort);
