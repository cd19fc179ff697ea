import type { Exec } from '../../cni/index.ts';
import * as iptables from '../iptables/index.ts';
import * as ipvs from '../ipvs/index.ts';
import type { ProxyMode } from '../mode.ts';
import * as nftables from '../nftables/index.ts';
import type { Family, ProxySettings, ServicePortPlan } from '../types.ts';
import type { HeldContent } from './content.ts';

export { indexHeld, type HeldContent, type HeldIndex } from './content.ts';

/** What a mode should have in the kernel for one port alone. */
export function heldOfPort(mode: ProxyMode, plan: ServicePortPlan, settings: ProxySettings): HeldContent {
  switch (mode) {
    case 'iptables':
      return iptables.heldOfPort(plan, settings);
    case 'ipvs':
      return ipvs.heldOfPort(plan, settings);
    case 'nftables':
      return nftables.heldOfPort(plan, settings);
  }
}

/** What a mode should have in the kernel whatever Services there are. The rules that IPVS has beside its servers are not looked at. */
export function heldOfAll(mode: ProxyMode, settings: ProxySettings): HeldContent {
  switch (mode) {
    case 'iptables':
      return iptables.heldOfAll(settings);
    case 'ipvs':
      return { names: [], entries: [] };
    case 'nftables':
      return nftables.heldOfAll(settings);
  }
}

const timeoutMs = 30_000;

/** Reads what the kernel holds of a family, by one process. Rejects when it cannot be read. */
export async function readHeld(mode: ProxyMode, family: Family, exec: Exec, signal: AbortSignal): Promise<HeldContent> {
  const run = async (file: string, args: readonly string[]): Promise<string> =>
    (await exec({ file, args, timeoutMs }, signal)).stdout;
  switch (mode) {
    case 'iptables':
      return iptables.readHeldRules(await run(family === 4 ? 'iptables-save' : 'ip6tables-save', []));
    case 'ipvs':
      return ipvs.readHeldServers(await run('ipvsadm', ['-S', '-n']), family);
    case 'nftables':
      return nftables.readHeldTable((await nftables.readTable(exec, family, signal)) ?? '{}');
  }
}
