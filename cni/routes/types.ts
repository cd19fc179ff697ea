/** How packets for pods of other nodes get there. */
export type RouteBackend = 'auto' | 'host-gw' | 'vxlan';

/** Another node of the cluster. */
export interface PeerNode {
  readonly name: string;
  /** At most one range a family. */
  readonly podCidrs: readonly string[];
  /** Its InternalIPs; at most one a family is used. */
  readonly nodeIps: readonly string[];
}

/** What the pod network knows of the cluster. */
export interface ClusterNodes {
  /** InternalIPs of this node. */
  readonly nodeIps: readonly string[];
  readonly peers: readonly PeerNode[];
  /** Ranges of the whole cluster, where they are known: no traffic to them is masqueraded. */
  readonly clusterCidrs: readonly string[];
}

/** A route to the pods of another node. */
export interface PeerRoute {
  /** Network in its canonical spelling. */
  readonly dst: string;
  readonly via: string;
  readonly dev: string;
  /** The gateway is taken to be on the link, whatever the link's addresses are. */
  readonly onlink: boolean;
}

/** The VXLAN device, and what it knows of the nodes behind it. */
export interface Tunnel {
  /** Link and address that the outer packets leave by. */
  readonly link: string;
  readonly local: string;
  readonly mac: string;
  readonly mtu: number;
  readonly isUp: boolean;
  /** With prefix: the source of what this host itself sends to pods of other nodes. */
  readonly addresses: readonly string[];
  /** Gateways of the routes through the device. */
  readonly neighbours: readonly { readonly ip: string; readonly mac: string }[];
  readonly fdb: readonly { readonly mac: string; readonly dst: string }[];
}

/** An address of a link, with prefix. */
export interface LinkAddress {
  readonly dev: string;
  readonly address: string;
}
