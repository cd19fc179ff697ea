import { parseRules, renderPlan, traceIptables } from '../iptables/index.ts';
import { tableOfPlan, traceNftables } from '../nftables/index.ts';
import type { ProxyPlan } from '../types.ts';
import type { Packet, Trace, TraceNode } from './types.ts';

/** Modes whose rules can be walked. */
export type TracedMode = 'iptables' | 'nftables';

/** What the rules that a mode makes of a plan would do with the first packet of a connection. Other rules of the node are not known. */
export function tracePlan(mode: TracedMode, plan: ProxyPlan, packet: Packet, node: TraceNode): Trace {
  return mode === 'iptables'
    ? traceIptables(parseRules(renderPlan(plan)), packet, node)
    : traceNftables(tableOfPlan(plan, { serviceCidrs: [], marker: '' }), packet, node);
}
