import type { ApiObject } from '../api/types.ts';

/** What the proxy needs to know of this node's Node. */
export interface ProxyNodeFacts {
  readonly labels: Readonly<Record<string, string>>;
  /** Empty as long as the cluster has given none. */
  readonly podCidrs: readonly string[];
  /** False when load balancers should send elsewhere. */
  readonly eligible: boolean;
}

/** Set by the cluster autoscaler on a node that it is about to remove. */
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

/** Reads a Node as kube-proxy does (`pkg/proxy/node.go`, `pkg/proxy/healthcheck/proxy_health.go`). */
export function proxyNodeFacts({ metadata, spec }: ApiObject): ProxyNodeFacts {
  const { podCIDR, podCIDRs, taints } = (spec ?? {}) as {
    readonly podCIDR?: string;
    readonly podCIDRs?: readonly string[];
    readonly taints?: readonly { readonly key: string }[];
  };
  return {
    labels: metadata.labels ?? {},
    podCidrs: podCIDRs ?? (podCIDR === undefined ? [] : [podCIDR]),
    eligible: metadata.deletionTimestamp === undefined && !(taints ?? []).some(({ key }) => key === TO_BE_DELETED),
  };
}
