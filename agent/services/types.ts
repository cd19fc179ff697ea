import type { Service } from '../objects/types.ts';

/** What Services need to know of a local pod. */
export interface ServicePod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of both families; those of the node for a pod in the host network. */
  readonly podIps: readonly string[];
  readonly phase: string;
  /** The condition Ready. */
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly hostname: string | undefined;
  readonly subdomain: string | undefined;
  /** Ports of the containers and of the sidecars, in this order: the first of a name counts. */
  readonly ports: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[];
}

/** Where addresses and ports come from when a manifest names none. */
export interface ServiceRanges {
  /** CIDRs, one a family at most; the family of the first one is that of a Service that says nothing. */
  readonly clusterIps: readonly string[];
  /** Both inclusive. */
  readonly nodePorts: { readonly first: number; readonly last: number };
}

/** What one Service was given. */
export interface KeptService {
  readonly clusterIps: readonly string[];
  /** By the port's name and protocol: `http/TCP`. */
  readonly nodePorts: Readonly<Record<string, number>>;
  /** 0 for none. */
  readonly healthCheckNodePort: number;
}

/** By `namespace/name`. */
export type KeptServices = ReadonlyMap<string, KeptService>;

/** Why a Service does not get what it asks for; a source's problem but for the file. */
export interface ServiceProblem {
  /** Key of `objectKey`. */
  readonly object: string;
  /** Field path. */
  readonly path: string;
  readonly severity: 'error';
  readonly message: string;
}

export type ServiceSpec = NonNullable<Service['spec']>;
export type ServicePortSpec = NonNullable<ServiceSpec['ports']>[number];

/** `namespace/name`. */
export function serviceKey({ metadata }: { readonly metadata: { namespace: string; name: string } }): string {
  return `${metadata.namespace}/${metadata.name}`;
}
