import { parseRules, renderPlan, traceIptables } from '../iptables/index.ts';
import type { ProxyMode } from '../mode.ts';
import { tableOfPlan, traceNftables } from '../nftables/index.ts';
import type { ProxyPlan } from '../types.ts';
import type { Packet, Trace, TraceNode } from './types.ts';

/**
 * What the rules that a mode makes of a plan would do with the first packet of a connection. Other rules of the node are not known.
 * IPVS decides in the kernel's own code and not by rules that lead to endpoints: for it the trace is what it is there to do, by the
 * rules of nftables, and without steps.
 */
export function tracePlan(mode: ProxyMode, plan: ProxyPlan, packet: Packet, node: TraceNode): Trace {
  if (mode === 'iptables') return traceIptables(parseRules(renderPlan(plan)), packet, node);
  const trace = traceNftables(tableOfPlan(plan, { serviceCidrs: [], marker: '' }), packet, node);
  return mode === 'ipvs' ? { ...trace, steps: [] } : trace;
}
