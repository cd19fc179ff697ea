import type { Endpoint, Protocol, ProxyPlan, ServicePortPlan } from '../types.ts';
import type { Flow } from './flow.ts';

/*
 * Which flows are stale, by the rules of kube-proxy's reconciler (pkg/proxy/conntrack/cleanup.go) with what was mended in it
 * later: Services without endpoints (kubernetes#139629) and Services that are gone (kubernetes#141371) count too. The kernel
 * translates by rules only the first packet of a flow; without this a client that goes on sending would reach the endpoint of
 * back then for ever.
 *
 * Other than kube-proxy's, it looks only at Services that changed (all of them at start), knows an endpoint by address and
 * port, and holds a flow for one of a node port only when it goes to an address of this node.
 */

/** What flows have to be compared with. Keys are {@link keyOf} of what clients send to. */
export interface FlowCheck {
  /** Protocols to list flows of. */
  readonly protocols: readonly Protocol[];
  /** Endpoints, as `ip|port`, that flows to a destination may lead to; none for a Service that is gone. */
  readonly destinations: ReadonlyMap<string, ReadonlySet<string>>;
}

/** TCP has endings of its own, and a reset tells the client what goes nowhere. */
const CHECKED: readonly Protocol[] = ['UDP', 'SCTP'];

/**
 * What to look for after a sync; undefined when no change can have left a stale flow behind.
 *
 * @param before the plan of the last check; undefined at start, when anything may have changed while nobody looked
 */
export function planFlowCheck(before: ProxyPlan | undefined, after: ProxyPlan): FlowCheck | undefined {
  if (before?.services === after.services) return undefined;
  const known = new Set(before?.services);
  const current = new Set(after.services);
  const changed = [
    ...after.services.filter((service) => !known.has(service)).map((service) => ({ service, plan: after })),
    ...(before?.services ?? [])
      .filter((service) => !current.has(service))
      .map((service) => ({ service, plan: before })),
  ].filter(({ service }) => CHECKED.includes(service.protocol));
  if (changed.length === 0) return undefined;

  const destinations = new Map<string, Set<string>>();
  for (const { service, plan } of changed) {
    for (const key of destinationsOf(service, plan ?? after)) destinations.set(key, new Set());
  }
  // Also of Services that did not change: what two Services claim leads to the endpoints of both.
  for (const service of after.services.filter(({ protocol }) => CHECKED.includes(protocol))) {
    for (const key of destinationsOf(service, after)) {
      const endpoints = destinations.get(key);
      for (const endpoint of endpoints === undefined ? [] : keptEndpoints(service)) endpoints?.add(endpoint);
    }
  }
  const protocols = CHECKED.filter((protocol) => changed.some(({ service }) => service.protocol === protocol));
  return { protocols, destinations };
}

/** The flows that lead to no endpoint of the Service that they were meant for. */
export function staleFlows({ destinations }: FlowCheck, flows: readonly Flow[]): readonly Flow[] {
  return flows.filter((flow) => {
    const endpoints = destinations.get(keyOf(flow.protocol, flow.destination, flow.destinationPort));
    if (endpoints === undefined || endpoints.has(`${flow.replySource}|${flow.replyPort}`)) return false;
    // What is not translated began before there was an endpoint. Without one it does no harm, and may be another's.
    return isTranslated(flow) || endpoints.size > 0;
  });
}

function isTranslated({ destination, destinationPort, replySource, replyPort }: Flow): boolean {
  return destination !== replySource || destinationPort !== replyPort;
}

/** All that clients send to when they mean this port. */
function destinationsOf(service: ServicePortPlan, { settings }: ProxyPlan): readonly string[] {
  const { protocol, port, nodePort } = service;
  const addresses = [service.clusterIp, ...service.externalIps, ...service.loadBalancerIps];
  const loopback = settings.localhostNodePorts && settings.family === 4 ? ['127.0.0.1'] : [];
  const nodeIps = nodePort === 0 ? [] : [...settings.nodeIps, ...loopback];
  return [...addresses.map((ip) => keyOf(protocol, ip, port)), ...nodeIps.map((ip) => keyOf(protocol, ip, nodePort))];
}

/** Those that new flows do not go to any more keep the ones they have, as connections of TCP do. */
function keptEndpoints({ allEndpoints, formerEndpoints = [] }: ServicePortPlan): readonly string[] {
  return [...allEndpoints, ...formerEndpoints].map(({ ip, port }: Endpoint) => `${ip}|${port}`);
}

function keyOf(protocol: Protocol, ip: string, port: number): string {
  return `${protocol}|${ip}|${port}`;
}
