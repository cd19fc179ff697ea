import type { HeldContent } from '../held/content.ts';
import type { Family, ProxySettings, ServicePortPlan } from '../types.ts';
import { parseServers } from './parse.ts';
import { shareOfPort } from './plan.ts';
import type { VirtualServer } from './state.ts';

/** What one port has in the kernel: its virtual servers and their real servers. */
export function heldOfPort(plan: ServicePortPlan, settings: ProxySettings): HeldContent {
  return contentOf(shareOfPort(plan, { settings, scheduler: 'rr', otherAddresses: new Set() }).servers);
}

/** Reads the output of `ipvsadm -S -n`. A real server of weight 0 gets nothing new: it counts as gone. */
export function readHeldServers(saved: string, family: Family): HeldContent {
  return contentOf([...parseServers(saved, family).values()]);
}

function contentOf(servers: readonly VirtualServer[]): HeldContent {
  return {
    names: servers.map(({ service }) => service),
    entries: servers.flatMap(({ service, reals }) =>
      [...reals].filter(([, weight]) => weight > 0).map(([real]) => `${service}: to ${real}`),
    ),
  };
}
