import { parseCidr } from '../../../cni/index.ts';
import type { FieldPath } from '../field-path.ts';
import { forbidden, given, invalid, type FieldProblem } from '../field-problem.ts';
import { qualifiedName } from '../names.ts';
import type { Service } from '../types.ts';
import { check } from '../validate-metadata.ts';
import { oneOf, validatePortNumber } from '../validate-values.ts';

type Spec = NonNullable<Service['spec']>;

const AFFINITIES = ['ClientIP', 'None'];
const TRAFFIC_POLICIES = ['Cluster', 'Local'];
const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
/** Seconds that a client may stay with its endpoint (pkg/apis/core/types.go). */
const MAX_AFFINITY_SECONDS = 86_400;
/** Fields of a Service of the type LoadBalancer only. */
const BALANCER_FIELDS = ['loadBalancerSourceRanges', 'loadBalancerClass', 'allocateLoadBalancerNodePorts'] as const;

/** Checks how traffic to a Service is spread and bounded (`ValidateService`, pkg/apis/core/validation). */
export function validateTraffic(service: Spec, path: FieldPath): readonly FieldProblem[] {
  return [
    ...validateAffinity(service, path),
    ...validatePolicies(service, path),
    ...validateBalancer(service, path),
    ...validateHealthCheck(service, [...path, 'healthCheckNodePort']),
    ...given(service.trafficDistribution, (value) => oneOf(value, DISTRIBUTIONS, [...path, 'trafficDistribution'])),
  ];
}

/** Whether traffic from outside the cluster can reach a Service (`ExternallyAccessible`, pkg/apis/core). */
export function isExternallyAccessible({ type, externalIPs = [] }: Spec): boolean {
  const kind = type || 'ClusterIP';
  return kind === 'LoadBalancer' || kind === 'NodePort' || (kind === 'ClusterIP' && externalIPs.length > 0);
}

function validateAffinity(service: Spec, path: FieldPath): readonly FieldProblem[] {
  const affinity = service.sessionAffinity || 'None';
  const { clientIP } = service.sessionAffinityConfig ?? {};
  const at = [...path, 'sessionAffinityConfig'];
  const seconds = clientIP?.timeoutSeconds;
  const useless = affinity === 'None' && clientIP !== undefined;
  return [
    ...oneOf(affinity, AFFINITIES, [...path, 'sessionAffinity']),
    ...(useless ? [forbidden(at, "may not be set when `sessionAffinity` is 'None'")] : []),
    ...(seconds !== undefined && (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS)
      ? [
          invalid(
            [...at, 'clientIP', 'timeoutSeconds'],
            seconds,
            `must be greater than 0 and at most ${MAX_AFFINITY_SECONDS}`,
          ),
        ]
      : []),
  ];
}

function validatePolicies(service: Spec, path: FieldPath): readonly FieldProblem[] {
  const { externalTrafficPolicy: external, internalTrafficPolicy: internal } = service;
  const at = [...path, 'externalTrafficPolicy'];
  return [
    ...(external ? oneOf(external, TRAFFIC_POLICIES, at) : []),
    ...(external && !isExternallyAccessible(service)
      ? [invalid(at, external, 'may only be set for NodePort and LoadBalancer services, and those with externalIPs')]
      : []),
    ...(internal ? oneOf(internal, TRAFFIC_POLICIES, [...path, 'internalTrafficPolicy']) : []),
  ];
}

function validateBalancer(service: Spec, path: FieldPath): readonly FieldProblem[] {
  const { type, loadBalancerSourceRanges: ranges = [], loadBalancerClass: name } = service;
  const present = BALANCER_FIELDS.filter((field) => field !== 'loadBalancerSourceRanges' || ranges.length > 0);
  const useless = type === 'LoadBalancer' ? [] : present.filter((field) => service[field] !== undefined);
  const at = [...path, 'loadBalancerSourceRanges'];
  return [
    ...useless.map((field) => forbidden([...path, field], "may only be used when `type` is 'LoadBalancer'")),
    // Space around a CIDR is allowed, as it was by mistake from the beginning.
    ...ranges.flatMap((range, index) => check(range.trim(), cidr, [...at, index], range)),
    ...given(name, (value) => check(value, qualifiedName, [...path, 'loadBalancerClass'])),
  ];
}

function cidr(text: string): string | undefined {
  return parseCidr(text) === undefined ? 'must be a CIDR such as 203.0.113.0/24' : undefined;
}

function validateHealthCheck(service: Spec, path: FieldPath): readonly FieldProblem[] {
  const { type, externalTrafficPolicy, healthCheckNodePort: port = 0 } = service;
  if (port === 0) return [];
  const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
  return [
    ...validatePortNumber(port, path),
    ...(type === 'LoadBalancer' && externalTrafficPolicy === 'Local' ? [] : [invalid(path, port, detail)]),
  ];
}
