/*
 * What is read of the objects of the Kubernetes API: the parts of a Service (v1), an EndpointSlice (discovery.k8s.io/v1) and a
 * Node that decide. Whole objects fit these shapes.
 */

interface Metadata {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ServicePortSpec {
  readonly name?: string;
  readonly port: number;
  /** TCP when absent. */
  readonly protocol?: string;
  readonly nodePort?: number;
}

export interface ServiceSpec {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly externalIPs?: readonly string[];
  readonly ports?: readonly ServicePortSpec[];
  readonly sessionAffinity?: string;
  readonly sessionAffinityConfig?: { readonly clientIP?: { readonly timeoutSeconds?: number } };
  readonly loadBalancerSourceRanges?: readonly string[];
  readonly externalTrafficPolicy?: string;
  readonly internalTrafficPolicy?: string;
  readonly healthCheckNodePort?: number;
}

export interface ServiceInput {
  readonly metadata: Metadata;
  readonly spec?: ServiceSpec;
  readonly status?: {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly ipMode?: string }[] };
  };
}

export interface SliceEndpoint {
  /** All reach the same; only the first one is used. */
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly nodeName?: string;
  readonly hints?: {
    readonly forZones?: readonly { readonly name: string }[];
    readonly forNodes?: readonly { readonly name: string }[];
  };
}

export interface SliceInput {
  readonly metadata: Metadata;
  readonly addressType: string;
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[];
}

/** The node that the rules are for. */
export interface ProxyNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Names a Service for the slices that hold its endpoints. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** `namespace/name`. */
export function keyOf({ metadata }: { readonly metadata: Metadata }): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Key of the Service whose endpoints a slice holds; undefined when it says none. */
export function serviceKeyOf({ metadata }: SliceInput): string | undefined {
  const name = metadata.labels?.[SERVICE_NAME_LABEL] ?? '';
  return name === '' ? undefined : `${metadata.namespace}/${name}`;
}

const FOREIGN_LABELS = ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'];

/**
 * Whether an object is for another proxy than this one, by its labels: kube-proxy watches Services and EndpointSlices with a
 * selector that leaves these out (`cmd/kube-proxy/app/server.go`).
 */
export function isForeign({ metadata }: { readonly metadata: Metadata }): boolean {
  const { labels } = metadata;
  return labels !== undefined && FOREIGN_LABELS.some((label) => Object.hasOwn(labels, label));
}
