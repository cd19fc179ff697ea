/* Types of the CNI specification 1.1 (https://github.com/containernetworking/cni/blob/main/SPEC.md). */

/** Result of a successful ADD (spec section 5, "Success"). */
export interface CniResult {
  readonly cniVersion: string;
  readonly interfaces?: readonly CniInterface[];
  readonly ips?: readonly CniIp[];
  readonly routes?: readonly CniRoute[];
  readonly dns?: CniDns;
}

export interface CniInterface {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  /** Path of the network namespace; empty for a link of the host. */
  readonly sandbox?: string;
}

export interface CniIp {
  /** Address with prefix length, e.g. `203.0.113.5/24`. */
  readonly address: string;
  readonly gateway?: string;
  /** Index into {@link CniResult.interfaces}. */
  readonly interface?: number;
}

export interface CniRoute {
  readonly dst: string;
  readonly gw?: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

export interface CniDns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** One plugin of a configuration list, as in the file: keys of the spec and of the plugin itself. */
export interface PluginConfig {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly ipam?: Readonly<Record<string, unknown>> & { readonly type?: string };
  readonly [key: string]: unknown;
}

/** A network configuration list (spec section 1). */
export interface NetworkConfigList {
  readonly cniVersion: string;
  readonly name: string;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  readonly plugins: readonly PluginConfig[];
}

/** A host port that leads to a container port (capability `portMappings`). */
export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly containerPort: number;
  readonly hostPort: number;
  /** Host address to listen on; empty for all. */
  readonly hostIp: string;
}
