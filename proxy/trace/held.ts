import { listOwnChains } from '../iptables/index.ts';
import { virtualServersOf } from '../ipvs/index.ts';
import type { ProxyMode } from '../mode.ts';
import { serviceRules } from '../nftables/index.ts';
import type { ProxySettings, ServicePortPlan } from '../types.ts';

/**
 * Names of what a mode makes in the kernel for one port alone: chains (iptables in the table `nat`, nftables in `kube-proxy`), or
 * virtual servers as `ipvsadm` names them.
 */
export function heldFor(mode: ProxyMode, plan: ServicePortPlan, settings: ProxySettings): readonly string[] {
  switch (mode) {
    case 'iptables':
      return listOwnChains(plan);
    case 'ipvs':
      return virtualServersOf(plan, settings);
    case 'nftables':
      return serviceRules(plan, settings).map(({ name }) => name);
  }
}
