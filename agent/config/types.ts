import type { CgroupDriver } from '../cgroups/names.ts';

/**
 * Everything that the daemon is told, from flags, file and defaults; validated, nothing optional that has a default.
 * Names of the kubelet's fields in a form that needs no further reading: durations in milliseconds, sizes in bytes.
 */
export interface Config {
  readonly nodeName: string;
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
  /** Undefined: the runtime's. */
  readonly cgroupDriver: CgroupDriver | undefined;
  readonly cgroupRoot: string;
  readonly containerLogMaxSizeBytes: number;
  readonly containerLogMaxFiles: number;
  /** Undefined: no limit. */
  readonly maxParallelPulls: number | undefined;
  /** Undefined: the daemon's own choice. */
  readonly maxParallelStarts: number | undefined;
  readonly maxPods: number;
  readonly runtimeRequestTimeoutMs: number;
  readonly maxContainerRestartPeriodMs: number;
  readonly log: {
    /** Undefined: text on a terminal, JSON elsewhere. */
    readonly format: 'json' | 'text' | undefined;
    /** The kubelet's `-v`. */
    readonly verbosity: number;
  };
}

/** Command-line flags of `podwright run`, named as the kubelet names them; undefined where not given. */
export interface Flags {
  readonly config?: string;
  /** `--manifests`, the kubelet's `--pod-manifest-path`. */
  readonly podManifestPath?: string;
  readonly rootDir?: string;
  readonly dockerHost?: string;
  readonly hostnameOverride?: string;
  readonly podInfraContainerImage?: string;
  readonly podCidr?: string;
  readonly cniConfDir?: string;
  /** Comma-separated. */
  readonly cniBinDir?: string;
  readonly cniCacheDir?: string;
  readonly socket?: string;
  readonly cgroupDriver?: string;
  /** Go durations. */
  readonly fileCheckFrequency?: string;
  readonly syncFrequency?: string;
  readonly runtimeRequestTimeout?: string;
  readonly maxPods?: string;
  readonly loggingFormat?: string;
  /** `-v`. */
  readonly verbosity?: string;
}
