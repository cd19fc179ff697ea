import type { ServicePortPlan } from '../types.ts';
import { namesOf, type PortNames } from './names.ts';

/** Rules that a port adds to the chains that all ports share: text, a rule a line. Empty for none. */
export interface SharedRules {
  readonly natServices: string;
  readonly natNodePorts: string;
  readonly filterServices: string;
  readonly filterExternal: string;
  readonly filterNodePorts: string;
  readonly filterFirewall: string;
}

/** What meets traffic that no endpoint may take. */
export interface Refusal {
  readonly target: 'REJECT' | 'DROP';
  readonly comment: string;
}

/** Which chains of its own a port has, and what meets traffic that they do not take. */
export interface PortPaths {
  /** Chain for traffic to the cluster IP; undefined when it is refused. */
  readonly internal: string | undefined;
  /** Chain that external traffic is balanced by in the end; undefined when it is refused. */
  readonly externalPolicy: string | undefined;
  /** External traffic is looked at here: also without endpoints for it, as pods and the node may use all endpoints. */
  readonly hasExternal: boolean;
  readonly hasFirewall: boolean;
  readonly internalRefusal: Refusal | undefined;
  readonly externalRefusal: Refusal | undefined;
}

/** Decides the paths of a port as `syncProxyRules` does (pkg/proxy/iptables/proxier.go). */
export function pathsOf(plan: ServicePortPlan, names: PortNames): PortPaths {
  const cluster = plan.clusterEndpoints.length > 0 ? names.cluster : undefined;
  const local = plan.localEndpoints.length > 0 ? names.local : undefined;
  const choose = (isLocal: boolean): string | undefined =>
    plan.hasAnyEndpoints ? (isLocal ? local : cluster) : undefined;
  const internal = choose(plan.internalPolicyLocal);
  const externalPolicy = choose(plan.externalPolicyLocal);
  return {
    internal,
    externalPolicy,
    hasExternal: plan.hasAnyEndpoints && isReachedFromOutside(plan),
    hasFirewall: plan.hasAnyEndpoints && plan.loadBalancerIps.length > 0 && plan.sourceRanges.length > 0,
    internalRefusal: internal === undefined ? refusalOf(plan, names) : undefined,
    externalRefusal: externalPolicy === undefined ? refusalOf(plan, names) : undefined,
  };
}

function isReachedFromOutside({ nodePort, loadBalancerIps, externalIps }: ServicePortPlan): boolean {
  return nodePort !== 0 || loadBalancerIps.length > 0 || externalIps.length > 0;
}

/** Nothing anywhere is told at once; endpoints that are only elsewhere leave a load balancer to find them. */
function refusalOf({ hasAnyEndpoints }: ServicePortPlan, { port }: PortNames): Refusal {
  return hasAnyEndpoints
    ? { target: 'DROP', comment: `"${port} has no local endpoints"` }
    : { target: 'REJECT', comment: `"${port} has no endpoints"` };
}

/** Renders what leads to a port. It depends on the plan only, not on settings. */
export function renderSharedRules(plan: ServicePortPlan): SharedRules {
  const names = namesOf(plan);
  const paths = pathsOf(plan, names);
  return {
    natServices: lines(natServices(plan, names, paths)),
    natNodePorts: lines(natNodePorts(plan, names, paths)),
    filterServices: lines(filterServices(plan, names, paths)),
    filterExternal: lines(filterExternal(plan, names, paths)),
    filterNodePorts: lines(filterNodePorts(plan, names)),
    filterFirewall: lines(filterFirewall(plan, names, paths)),
  };
}

/** Joined with the empty string so that the text is flat: a text of parts takes several times its memory. */
const lines = (rules: readonly string[]): string => [...rules, ''].join('\n');

/** The comment and the match of traffic to an address of the port. */
export function toAddress(comment: string, { protocol }: PortNames, ip: string, port: number): string {
  return `-m comment --comment ${comment} -m ${protocol} -p ${protocol} -d ${ip} --dport ${port}`;
}

type Renderer = (plan: ServicePortPlan, names: PortNames, paths: PortPaths) => string[];

const natServices: Renderer = (plan, names, { internal, hasExternal, hasFirewall }) => {
  const { clusterIp, port, externalIps, loadBalancerIps } = plan;
  const rule = (what: string, ip: string, chain: string): string =>
    `-A KUBE-SERVICES ${toAddress(`"${names.port} ${what}"`, names, ip, port)} -j ${chain}`;
  const balancer = hasFirewall ? names.firewall : names.external;
  return [
    ...(internal === undefined ? [] : [rule('cluster IP', clusterIp, internal)]),
    ...(hasExternal ? externalIps.map((ip) => rule('external IP', ip, names.external)) : []),
    ...(hasExternal ? loadBalancerIps.map((ip) => rule('loadbalancer IP', ip, balancer)) : []),
  ];
};

const natNodePorts: Renderer = ({ nodePort }, { port, protocol, external }, { hasExternal }) => {
  if (nodePort === 0 || !hasExternal) return [];
  const match = `-m comment --comment ${port} -m ${protocol} -p ${protocol} --dport ${nodePort}`;
  return [`-A KUBE-NODEPORTS ${match} -j ${external}`];
};

const filterServices: Renderer = ({ clusterIp, port }, names, { internalRefusal: refusal }) => {
  if (refusal === undefined) return [];
  return [`-A KUBE-SERVICES ${toAddress(refusal.comment, names, clusterIp, port)} -j ${refusal.target}`];
};

const filterExternal: Renderer = (plan, names, { externalRefusal: refusal }) => {
  if (refusal === undefined) return [];
  const { protocol } = names;
  const { comment, target } = refusal;
  const local = `-m addrtype --dst-type LOCAL -m ${protocol} -p ${protocol} --dport ${plan.nodePort}`;
  return [
    ...[...plan.externalIps, ...plan.loadBalancerIps].map((ip) => toAddress(comment, names, ip, plan.port)),
    ...(plan.nodePort === 0 ? [] : [`-m comment --comment ${comment} ${local}`]),
  ].map((match) => `-A KUBE-EXTERNAL-SERVICES ${match} -j ${target}`);
};

/** Load balancers reach the health check in any case. */
function filterNodePorts({ healthCheckNodePort }: ServicePortPlan, { port }: PortNames): string[] {
  if (healthCheckNodePort === 0) return [];
  const comment = `"${port} health check node port"`;
  return [`-A KUBE-NODEPORTS -m comment --comment ${comment} -m tcp -p tcp --dport ${healthCheckNodePort} -j ACCEPT`];
}

/** What the firewall chain let through is translated and meets this no more. */
const filterFirewall: Renderer = ({ loadBalancerIps, port }, names, { hasFirewall }) => {
  if (!hasFirewall) return [];
  const comment = `"${names.port} traffic not accepted by ${names.firewall}"`;
  return loadBalancerIps.map((ip) => `-A KUBE-PROXY-FIREWALL ${toAddress(comment, names, ip, port)} -j DROP`);
};
