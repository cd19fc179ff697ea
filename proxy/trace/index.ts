import { parseRules, renderPlan, traceIptables } from '../iptables/index.ts';
import { traceIpvs } from '../ipvs/index.ts';
import type { ProxyMode } from '../mode.ts';
import { tableOfPlan, traceNftables } from '../nftables/index.ts';
import type { ProxyPlan } from '../types.ts';
import type { Packet, Trace, TraceNode } from './types.ts';

/** What a mode would do with the first packet of a connection, by what it makes of a plan. Other rules of the node are not known. */
export function tracePlan(mode: ProxyMode, plan: ProxyPlan, packet: Packet, node: TraceNode): Trace {
  switch (mode) {
    case 'iptables':
      return traceIptables(parseRules(renderPlan(plan)), packet, node);
    case 'ipvs':
      return traceIpvs(plan, packet, node);
    case 'nftables':
      return traceNftables(tableOfPlan(plan, { serviceCidrs: [], marker: '' }), packet, node);
  }
}
