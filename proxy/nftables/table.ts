import type { Protocol } from '../types.ts';

/** The content of the table as values: text.ts writes them, the tracer walks them. */

export type Verdict = 'drop' | 'reject' | 'return' | `jump ${string}` | `goto ${string}`;

export type Side = 'saddr' | 'daddr';

/** A condition of a rule. */
export type Match =
  | { readonly on: 'address'; readonly side: Side; readonly not: boolean; readonly networks: readonly string[] }
  | { readonly on: 'member'; readonly side: Side; readonly set: string }
  | { readonly on: 'port'; readonly protocol: Protocol; readonly port: number }
  /** The address is one of the node's own. */
  | { readonly on: 'local'; readonly side: Side }
  /** The link that the packet came in by; a trailing `*` matches any ending. */
  | { readonly on: 'link'; readonly not: boolean; readonly name: string }
  | { readonly on: 'new-connection' }
  | { readonly on: 'unmarked'; readonly mark: number }
  /** Once in `outOf` times. */
  | { readonly on: 'chance'; readonly outOf: number };

/** What a rule does when all of its conditions hold. */
export type Action =
  | { readonly do: 'verdict'; readonly verdict: Verdict }
  /** The verdict that the map has for the packet's destination. */
  | { readonly do: 'look-up'; readonly map: MapName }
  /** One of the chains, by chance, each with the same probability. */
  | { readonly do: 'balance'; readonly chains: readonly string[] }
  | { readonly do: 'mark'; readonly how: 'or' | 'xor'; readonly mark: number }
  | { readonly do: 'masquerade' }
  | { readonly do: 'dnat'; readonly protocol: Protocol; readonly ip: string; readonly port: number }
  /** Puts the source address into the set, for the set's timeout from now. */
  | { readonly do: 'remember'; readonly set: string };

export interface Rule {
  readonly when: readonly Match[];
  readonly then: Action;
  readonly comment?: string;
}

export interface Hook {
  readonly type: 'filter' | 'nat';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly priority: number;
}

export interface Chain {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly hook?: Hook;
}

/** Client addresses that stay with one endpoint; the kernel fills it. */
export interface AffinitySet {
  readonly name: string;
  readonly timeoutSeconds: number;
}

/** What the elements of a container are looked up by: the destination. */
type KeyOf = 'address' | 'address-port' | 'port';

/** All maps and sets with a fixed name, and what they are for (a comment in the kernel). */
export const containers = {
  'cluster-ips': { kind: 'set', key: 'address', comment: 'Active ClusterIPs' },
  'nodeport-ips': { kind: 'set', key: 'address', comment: 'IPs that accept NodePort traffic' },
  'no-endpoint-services': {
    kind: 'map',
    key: 'address-port',
    comment: 'vmap to drop or reject packets to services with no endpoints',
  },
  'no-endpoint-nodeports': {
    kind: 'map',
    key: 'port',
    comment: 'vmap to drop or reject packets to service nodeports with no endpoints',
  },
  'firewall-ips': {
    kind: 'map',
    key: 'address-port',
    comment: 'destinations that are subject to LoadBalancerSourceRanges',
  },
  'service-ips': { kind: 'map', key: 'address-port', comment: 'ClusterIP, ExternalIP and LoadBalancer IP traffic' },
  'service-nodeports': { kind: 'map', key: 'port', comment: 'NodePort traffic' },
} as const satisfies Readonly<Record<string, { kind: 'map' | 'set'; key: KeyOf; comment: string }>>;

export type ContainerName = keyof typeof containers;
export type MapName = Exclude<ContainerName, 'cluster-ips' | 'nodeport-ips'>;

export const containerNames = Object.keys(containers) as ContainerName[];

/** One element of a set, or of a map when it has a verdict. */
export interface Element {
  readonly in: ContainerName;
  /** As `nft` writes it: `192.0.2.1 . tcp . 80`. */
  readonly key: string;
  readonly verdict?: Verdict;
  readonly comment?: string;
}

/** Elements by container and key. Of two elements with one key the first counts: the kernel takes only one. */
export type Elements = Readonly<Record<ContainerName, ReadonlyMap<string, Element>>>;

export function collectElements(elements: Iterable<Element>): Elements {
  const collected = Object.fromEntries(containerNames.map((name) => [name, new Map<string, Element>()])) as Record<
    ContainerName,
    Map<string, Element>
  >;
  for (const element of elements) {
    const { [element.in]: container } = collected;
    if (!container.has(element.key)) container.set(element.key, element);
  }
  return collected;
}

/** The whole table as a value. */
export interface Table {
  readonly chains: ReadonlyMap<string, Chain>;
  readonly affinitySets: readonly AffinitySet[];
  readonly elements: Elements;
}
