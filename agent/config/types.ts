import type { RouteBackend } from '../../cni/index.ts';
import type { CpuQuotaSettings } from '../cgroups/cpu.ts';
import type { CgroupDriver } from '../cgroups/names.ts';
import type { ImageGcPolicy } from '../images/gc-plan.ts';
import type { CredentialProviders } from './credential-providers.ts';
import type { KubeProxyConfiguration } from './kube-proxy-schema.ts';
import type { KubeletConfiguration } from './kubelet-schema.ts';

/**
 * Everything that the daemon is told, from flags, file and defaults; validated, nothing optional that has a default.
 * Names of the kubelet's fields in a form that needs no further reading: durations in milliseconds, sizes in bytes.
 */
export interface Config {
  readonly nodeName: string;
  /** Labels of the node besides those that every node has. */
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** How to reach the API server; undefined for a node that stands alone. */
  readonly kubeconfig: string | undefined;
  /** `--node-ip`: addresses that the node goes by; empty for those of its default route. */
  readonly nodeIps: readonly string[];
  /** Default `/var/lib/kubelet`. */
  readonly rootDir: string;
  /** The kubelet's `staticPodPath`; default `/etc/kubernetes/manifests`. */
  readonly manifestDir: string;
  readonly fileCheckFrequencyMs: number;
  readonly syncFrequencyMs: number;
  /** `unix:///var/run/docker.sock`, or `tcp://host:port`. */
  readonly dockerHost: string;
  /** Default `/run/podwright/podwright.sock`. */
  readonly socketPath: string;
  /** Image of the pause container; the built-in one where it cannot be had. */
  readonly podSandboxImage: string;
  /** One CIDR, or one of each family; default `10.244.0.0/24`. */
  readonly podCidrs: readonly string[];
  readonly podLogsDir: string;
  readonly containerLogsDir: string;
  readonly cni: {
    readonly confDir: string;
    readonly binDirs: readonly string[];
    readonly cacheDir: string;
    readonly dataDir: string;
  };
  /** How the built-in network reaches pods of other nodes. */
  readonly routeBackend: RouteBackend;
  /** Undefined: the runtime's. */
  readonly cgroupDriver: CgroupDriver | undefined;
  readonly cgroupRoot: string;
  readonly cgroupsPerQOS: boolean;
  readonly cpuQuota: CpuQuotaSettings;
  readonly containerLogMaxSizeBytes: number;
  readonly containerLogMaxFiles: number;
  /** Undefined: no limit. */
  readonly maxParallelPulls: number | undefined;
  /** Pulls a second, and how many at once beyond that; 0 for no limit. */
  readonly registryPullQPS: number;
  readonly registryBurst: number;
  /** When images are removed that nothing needs. */
  readonly imageGc: ImageGcPolicy;
  /** Programs that know credentials for images; undefined: none. */
  readonly imageCredentialProviders: CredentialProviders | undefined;
  /** Undefined: the daemon's own choice. */
  readonly maxParallelStarts: number | undefined;
  /** Where Services get addresses and node ports from when no API server gives them. */
  readonly services: {
    /** One CIDR, or one of each family; default `10.96.0.0/12`. */
    readonly clusterIps: readonly string[];
    /** Both inclusive; default 30000 to 32767. NaN for what is no number. */
    readonly nodePorts: { readonly first: number; readonly last: number };
  };
  readonly maxPods: number;
  /** Processes in a pod; undefined: no limit of the pod's own. */
  readonly podPidsLimit: number | undefined;
  /** Empty: pods use the DNS servers of the node. */
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** Default `/etc/resolv.conf`; empty: pods have none of it. */
  readonly resolvConf: string;
  readonly runtimeRequestTimeoutMs: number;
  readonly maxContainerRestartPeriodMs: number;
  readonly log: {
    /** Undefined: text on a terminal, JSON elsewhere. */
    readonly format: 'json' | 'text' | undefined;
    /** The kubelet's `-v`. */
    readonly verbosity: number;
  };
  /** The whole documents as they were given, flags on top; durations in milliseconds, quantities in units. */
  readonly kubelet: Partial<KubeletConfiguration>;
  readonly kubeProxy: KubeProxyConfiguration | undefined;
  /** `--proxy-mode`, or `mode` of the KubeProxyConfiguration; default `auto`. */
  readonly proxyMode: 'iptables' | 'ipvs' | 'nftables' | 'auto';
}

/** Names of kubelet flags that set a field of its configuration file, as commander passes them: in camel case. */
export type KubeletFlagName =
  | 'podManifestPath'
  | 'podCidr'
  | 'fileCheckFrequency'
  | 'syncFrequency'
  | 'runtimeRequestTimeout'
  | 'maxPods'
  | 'podMaxPids'
  | 'cgroupDriver'
  | 'cgroupRoot'
  | 'clusterDns'
  | 'clusterDomain'
  | 'resolvConf'
  | 'containerLogMaxSize'
  | 'containerLogMaxFiles'
  | 'serializeImagePulls'
  | 'registryQps'
  | 'registryBurst'
  | 'registerNode'
  | 'registerWithTaints'
  | 'providerId'
  | 'containerRuntimeEndpoint';

/** Command-line flags of `podwright run` as text; undefined where not given. */
export interface Flags extends Readonly<Partial<Record<KubeletFlagName, string>>> {
  readonly config?: string;
  /** Further flags of the kubelet, by their names without the dashes. */
  readonly kubelet?: Readonly<Record<string, string>>;
  readonly manifests?: string;
  readonly rootDir?: string;
  readonly dockerHost?: string;
  readonly hostnameOverride?: string;
  /** `key=value`, comma-separated. */
  readonly nodeLabels?: string;
  readonly kubeconfig?: string;
  /** Comma-separated. */
  readonly nodeIp?: string;
  readonly proxyMode?: string;
  readonly podInfraContainerImage?: string;
  readonly imageCredentialProviderConfig?: string;
  readonly imageCredentialProviderBinDir?: string;
  readonly cniConfDir?: string;
  /** Comma-separated. */
  readonly cniBinDir?: string;
  readonly cniCacheDir?: string;
  readonly socket?: string;
  readonly loggingFormat?: string;
  readonly v?: string;
}
