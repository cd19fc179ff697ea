/** The programs that podwright calls, with the Debian and Ubuntu package that has each. */
export const packages = {
  ip: 'iproute2',
  'iptables-restore': 'iptables',
  'ip6tables-restore': 'iptables',
  nft: 'nftables',
  nsenter: 'util-linux',
  flock: 'util-linux',
  mount: 'mount',
  conntrack: 'conntrack',
} as const;

export type Program = keyof typeof packages;

/** What Docker says of itself, in the words of `GET /version` and `GET /info`. */
export interface DockerInfo {
  readonly version: string;
  readonly apiVersion: string;
  readonly storageDriver: string;
  readonly cgroupDriver: string;
  readonly loggingDriver: string;
  readonly warnings: readonly string[];
}

/** A fact, or why it could not be learned. */
export type Gathered<T> = { readonly value: T } | { readonly error: string; readonly code?: string };

export interface PathFacts {
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
  readonly uid: number;
  /** Permission bits, e.g. `0o755`. */
  readonly mode: number;
}

export interface Route {
  /** CIDR. */
  readonly destination: string;
  readonly device: string;
}

/** A test of what the kernel can do, made in a network namespace of its own; `error` is what the tool said. */
export interface Probe {
  readonly works: boolean;
  readonly error?: string;
}

/** All that the verdicts of `podwright check` rest on. Undefined: it could not be learned. */
export interface Facts {
  readonly uid: number;
  /** Effective capabilities, as in `CapEff` of `/proc/self/status`. */
  readonly capabilities: bigint;
  /** Programs that are in PATH. */
  readonly programs: ReadonlySet<Program>;
  readonly dockerHost: string;
  readonly docker: Gathered<DockerInfo>;
  /** `iptables --version`, e.g. `iptables v1.8.9 (nf_tables)`. */
  readonly iptablesVersion: string | undefined;
  readonly forwardPolicy: 'ACCEPT' | 'DROP' | undefined;
  readonly bridgeProbe: Probe | undefined;
  readonly iptablesProbe: Probe | undefined;
  readonly nftProbe: Probe | undefined;
  /** Values below `/proc/sys`, by their dotted names; undefined when there is no such file. */
  readonly sysctls: Readonly<Record<'net.ipv4.ip_forward' | 'net.bridge.bridge-nf-call-iptables', string | undefined>>;
  readonly conntrack: { readonly count: number; readonly max: number } | undefined;
  readonly cgroup: { readonly version: 1 | 2; readonly controllers: readonly string[] } | undefined;
  readonly podCidrs: readonly string[];
  readonly routes: readonly Route[];
  readonly manifestDir: PathFacts;
  readonly rootDir: {
    readonly path: string;
    readonly freeBytes: number | undefined;
    readonly freeInodes: number | undefined;
  };
  readonly cni: {
    readonly confDir: string;
    readonly files: readonly { readonly name: string; readonly error?: string }[];
  };
  /** Devices and files that are swapped to. */
  readonly swaps: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Undefined where systemd-timesyncd does not run. */
  readonly isTimeSynchronised: boolean | undefined;
}

export type Level = 'OK' | 'WARN' | 'FAIL';

/** What one check found. */
export interface Verdict {
  readonly name: string;
  /** FAIL: pods do not run; WARN: something that pods may want does not work. */
  readonly level: Level;
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
}
