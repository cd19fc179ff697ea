import { renderCleanup } from '../iptables/saved.ts';
import type { Family } from '../types.ts';
import { diffStates } from './diff.ts';
import { LINK, setName } from './names.ts';
import { renderChanges } from './render.ts';
import { isChainOfIpvs, WITNESSES } from './rules.ts';
import { emptySets, type IpvsState } from './state.ts';
import { ownState, type Tools } from './tools.ts';

const nothing: IpvsState = { servers: new Map(), sets: emptySets(), addresses: new Set() };

/**
 * Removes what the backend makes, whichever daemon made it. The other family's addresses are on the same link: it goes with the last
 * one.
 */
export async function removeAll(tools: Tools, family: Family, signal: AbortSignal): Promise<void> {
  const observed = await tools.observe(signal);
  const have = ownState(observed, nothing);
  const { changes } = diffStates(have, nothing, new Map(), 0);
  const { ipvsadm, ip } = renderChanges(
    changes.filter((change) => change.do !== 'create-link'),
    family,
  );
  await tools.ipvsadm(ipvsadm, signal);
  await tools.iptables(renderRulesCleanup(await tools.saveRules(signal)), signal);
  await tools.ip(ip + (observed.isLinkShared || have.addresses === undefined ? '' : `link delete ${LINK}\n`), signal);
  await tools.ipset([...have.sets.keys()].map((kind) => `destroy ${setName(kind, family)}\n`).join(''), signal);
}

/**
 * Input for `iptables-restore --noflush`, from what `iptables-save` shows. Some chains have the same names in the mode iptables, and a
 * daemon in that mode cleans this one up when it starts: without any chain that only this mode has, they are not ours.
 */
export function renderRulesCleanup(saved: string): string {
  return WITNESSES.some(([, chain]) => saved.includes(`\n:${chain} `)) ? renderCleanup(saved, isChainOfIpvs) : '';
}
