import { parseIp } from '../../cni/index.ts';
import {
  formatServicePortName,
  type Family,
  type Packet,
  type ProxyMode,
  type ServicePortPlan,
  type Trace,
  tracePlan,
  type TracedEndpoint,
} from '../../proxy/index.ts';
import type { Pod } from '../objects/types.ts';
import { findDestination, findSource, type TraceKnowledge, type TraceQuestion } from './trace-plan.ts';

/** What `GET /podwright/v1/trace` answers. */
export interface TraceReport {
  readonly mode: ProxyMode;
  /** `pod lab/client`, `this node`, `another host`. */
  readonly from: string;
  /** `Service lab/web`, `node port of lab/web:http`; absent for what no Service has. */
  readonly to?: string;
  readonly packet: Packet;
  readonly verdict: Trace['verdict'];
  /** Why it is refused or dropped, when the Service says so. */
  readonly reason?: string;
  readonly endpoints: readonly (TracedEndpoint & { /** `namespace/name`. */ readonly pod?: string })[];
  /** What matched, in order. */
  readonly steps: readonly string[];
}

/**
 * Says what the rules would do with the first packet of a connection.
 *
 * @throws TraceQuestionError when the question names something that is not there
 */
export function traceReport(question: TraceQuestion, known: TraceKnowledge): TraceReport {
  const source = findSource(question.source, known);
  const { ip: dst, port } = findDestination(question, source.families, known);
  const family: Family = dst.includes(':') ? 6 : 4;
  const packet: Packet = { ...source.packet(family), dst, port, protocol: question.protocol };
  const { settings, services } = known.plans[family];
  // Rules of other Services do not concern it, and may be a hundred thousand.
  const plan = { settings, services: services.filter((service) => isNear(service, packet)) };
  const trace = tracePlan(known.mode, plan, packet, { localAddresses: known.localAddresses });
  const met = plan.services.find((service) => isFor(service, packet, known.localAddresses));
  const reason = met === undefined ? undefined : reasonOf(trace, met, packet);
  return {
    ...{ mode: known.mode, from: source.name, packet, verdict: trace.verdict, steps: trace.steps },
    ...(met === undefined ? {} : { to: describe(met, packet) }),
    ...(reason === undefined ? {} : { reason }),
    endpoints: trace.endpoints.map((endpoint) => {
      const pod = known.pods.find(({ spec, status }) => spec.hostNetwork !== true && hasAddress(status, endpoint.ip));
      return { ...endpoint, ...(pod === undefined ? {} : { pod: `${pod.metadata.namespace}/${pod.metadata.name}` }) };
    }),
  };
}

const hasAddress = (status: Pod['status'], ip: string): boolean =>
  status?.podIPs?.some((own) => parseIp(own.ip ?? '')?.value === parseIp(ip)?.value) ?? false;

const addressesOf = ({ clusterIp, externalIps, loadBalancerIps }: ServicePortPlan): readonly string[] => [
  clusterIp,
  ...externalIps,
  ...loadBalancerIps,
];

/** The Service has its address, be it for other ports, or its number as a node port. */
function isNear(service: ServicePortPlan, { dst, port }: Packet): boolean {
  return service.nodePort === port || addressesOf(service).includes(dst);
}

function isFor(service: ServicePortPlan, { dst, port, protocol }: Packet, localAddresses: readonly string[]): boolean {
  if (service.protocol !== protocol) return false;
  const isAddressed = addressesOf(service).includes(dst) && service.port === port;
  return isAddressed || (service.nodePort === port && localAddresses.includes(dst));
}

function describe(service: ServicePortPlan, { dst }: Packet): string {
  const name = formatServicePortName(service.name);
  if (dst === service.clusterIp) return `cluster IP of ${name}`;
  if (service.loadBalancerIps.includes(dst)) return `address of the load balancer of ${name}`;
  return service.externalIps.includes(dst) ? `external IP of ${name}` : `node port of ${name}`;
}

/** The rules' words say what happens; this says which word of the Service has it so. */
function reasonOf({ verdict }: Trace, service: ServicePortPlan, { dst }: Packet): string | undefined {
  if (verdict !== 'drop' && verdict !== 'reject') return undefined;
  if (!service.hasAnyEndpoints) return 'the Service has no endpoint that is ready';
  const isInternal = dst === service.clusterIp;
  const isLocal = isInternal ? service.internalPolicyLocal : service.externalPolicyLocal;
  if (isLocal && service.localEndpoints.length === 0) {
    return `${isInternal ? 'internalTrafficPolicy' : 'externalTrafficPolicy'} is Local, and no endpoint on this node is ready`;
  }
  return service.loadBalancerIps.includes(dst) && service.sourceRanges.length > 0
    ? `loadBalancerSourceRanges (${service.sourceRanges.join(', ')}) do not have the source`
    : undefined;
}
