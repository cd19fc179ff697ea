import type { Endpoint, ServicePortPlan } from '../types.ts';
import type { Candidate } from './endpoints.ts';
import type { ProxyNode } from './input.ts';
import type { ServicePort } from './service-ports.ts';

/** The endpoints of a port by the kinds of traffic that may use them. */
export type Categories = Pick<
  ServicePortPlan,
  'clusterEndpoints' | 'localEndpoints' | 'allEndpoints' | 'formerEndpoints' | 'hasAnyEndpoints'
>;

type Test = (candidate: Candidate) => boolean;

const ZONE_LABEL = 'topology.kubernetes.io/zone';

/**
 * Decides which endpoints each kind of traffic may use, by kube-proxy's rules (`CategorizeEndpoints`, pkg/proxy/topology.go):
 *
 * - ready ones; when there are none, those that terminate but still serve, for each policy on its own;
 * - for the policy Cluster, of the ready ones only those that hints prefer for this node, or else for its zone;
 * - for the policy Local, only those of this node, whatever hints say.
 *
 * A list is empty when no traffic of the port goes by its policy.
 */
export function categorizeEndpoints(candidates: readonly Candidate[], port: ServicePort, node: ProxyNode): Categories {
  const cluster = usesCluster(port) ? chooseCluster(candidates, node) : [];
  const local = usesLocal(port) ? readyOrServing(candidates.filter(isLocal)) : [];
  const chosen = local.length === 0 ? cluster : among(candidates, new Set([...cluster, ...local]));
  const former = port.protocol === 'TCP' ? [] : servingWithout(candidates, new Set(chosen));
  const clusterEndpoints = cluster.map(toEndpoint);
  return {
    clusterEndpoints,
    localEndpoints: local.map(toEndpoint),
    // Large and mostly the same as the first list.
    allEndpoints: chosen.length === cluster.length ? clusterEndpoints : chosen.map(toEndpoint),
    ...(former.length === 0 ? {} : { formerEndpoints: former.map(toEndpoint) }),
    hasAnyEndpoints: candidates.some((candidate) => isReady(candidate) || servesLast(candidate)),
  };
}

function among(candidates: readonly Candidate[], chosen: ReadonlySet<Candidate>): readonly Candidate[] {
  return candidates.filter((candidate) => chosen.has(candidate));
}

function servingWithout(candidates: readonly Candidate[], chosen: ReadonlySet<Candidate>): readonly Candidate[] {
  return candidates.filter((candidate) => isServing(candidate) && !chosen.has(candidate));
}

/** Also with both policies Local: pods and the node itself reach external addresses as if the policy were Cluster. */
function usesCluster(port: ServicePort): boolean {
  return !port.internalPolicyLocal || isReachedFromOutside(port);
}

function usesLocal(port: ServicePort): boolean {
  return port.internalPolicyLocal || (port.externalPolicyLocal && isReachedFromOutside(port));
}

function isReachedFromOutside({ nodePort, loadBalancerIps, externalIps }: ServicePort): boolean {
  return nodePort !== 0 || loadBalancerIps.length > 0 || externalIps.length > 0;
}

function chooseCluster(candidates: readonly Candidate[], node: ProxyNode): readonly Candidate[] {
  const preferred = preferenceOf(candidates.filter(isReady), node);
  return readyOrServing(candidates, preferred);
}

function readyOrServing(candidates: readonly Candidate[], preferred: Test = () => true): readonly Candidate[] {
  const ready = candidates.filter((candidate) => isReady(candidate) && preferred(candidate));
  return ready.length > 0 ? ready : candidates.filter(servesLast);
}

/** A kind of hint counts when every ready endpoint has one and one at least is for here. */
function preferenceOf(ready: readonly Candidate[], { name, labels }: ProxyNode): Test | undefined {
  const zone = labels[ZONE_LABEL] ?? '';
  const tests: readonly (readonly [hints: (of: Candidate) => readonly string[], here: string])[] = [
    [({ forNodes }) => forNodes, name],
    [({ forZones }) => forZones, zone],
  ];
  const found = tests.find(
    ([hints, here]) => ready.every((one) => hints(one).length > 0) && ready.some((one) => hints(one).includes(here)),
  );
  if (found === undefined) return undefined;
  const [hints, here] = found;
  return (candidate) => hints(candidate).includes(here);
}

function isLocal({ endpoint }: Candidate): boolean {
  return endpoint.isLocal;
}

function isReady({ endpoint }: Candidate): boolean {
  return endpoint.ready;
}

function isServing({ endpoint }: Candidate): boolean {
  return endpoint.serving;
}

function servesLast({ endpoint }: Candidate): boolean {
  return endpoint.serving && endpoint.terminating;
}

function toEndpoint({ endpoint }: Candidate): Endpoint {
  return endpoint;
}
