import { release } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Exec } from '../../cni/index.ts';
import { countRules, renderRestore } from '../iptables/restore.ts';
import { missingJumps } from '../iptables/saved.ts';
import type { SharedChain } from '../iptables/shared-chains.ts';
import type { Family, ProxyBackend, ProxyPlan, ProxySettings, ServicePortPlan } from '../types.ts';
import { removeAll } from './cleanup.ts';
import { diffStates } from './diff.ts';
import { DRAIN_CHECK_MS, planDrain } from './drain.ts';
import { desiredState, type PlanContext, type Scheduler, type Share, shareOfPort } from './plan.ts';
import { renderChanges } from './render.ts';
import { JUMPS, renderChains, WITNESSES } from './rules.ts';
import type { Draining, IpvsState } from './state.ts';
import { neededSysctls } from './sysctls.ts';
import { createTools, ownState, type Tools } from './tools.ts';

export interface IpvsOptions {
  readonly exec: Exec;
  readonly family: Family;
  /** Default `rr`. */
  readonly scheduler?: Scheduler;
  /** No link answers ARP for addresses of Services. Default false. */
  readonly strictArp?: boolean;
  /** A name is a path below `/proc/sys`. */
  readonly setSysctl: (name: string, value: string) => Promise<void>;
  /** Milliseconds; only differences count. */
  readonly clock: { now(): number };
}

/** What the kernel was last brought to. */
interface Written {
  readonly settings: ProxySettings;
  readonly context: PlanContext;
  readonly shares: WeakMap<ServicePortPlan, Share>;
  readonly state: IpvsState;
  readonly chains: readonly SharedChain[];
}

/**
 * Services by IPVS. A sync compares what should be with what was last written, and a full sync with what the kernel holds; then each
 * program runs once, if it has anything to do (render.ts).
 */
export function createIpvsBackend(options: IpvsOptions): ProxyBackend {
  const { exec, family, scheduler = 'rr', strictArp = false, setSysctl, clock } = options;
  const tools = createTools(exec, family);
  let written: Written | undefined;
  let draining: Draining = new Map();
  let checkedAt = clock.now();

  const tend = async (signal: AbortSignal): Promise<void> => {
    checkedAt = clock.now();
    if (draining.size === 0) return;
    const drained = planDrain(draining, await tools.connections(signal), checkedAt);
    await tools.ipvsadm(renderChanges(drained.changes, family).ipvsadm, signal);
    draining = drained.draining;
  };

  /** What a sync starts from when nothing is known. */
  const start = async (plan: ProxyPlan, signal: AbortSignal): Promise<Written> => {
    const observed = await tools.observe(signal);
    for (const [name, value] of neededSysctls(family, release(), strictArp)) await setSysctl(name, value);
    const context: PlanContext = { settings: plan.settings, scheduler, otherAddresses: observed.otherAddresses };
    const shares = new WeakMap<ServicePortPlan, Share>();
    const state = ownState(observed, wantedState(plan, { context, shares }));
    return { settings: plan.settings, context, shares, state, chains: [] };
  };

  return {
    sync: async (plan, full, signal) => {
      const isPartial = !full && written !== undefined && isDeepStrictEqual(written.settings, plan.settings);
      const last = isPartial && written !== undefined ? written : await start(plan, signal);
      // Until all programs have said yes, what the kernel holds is not known.
      written = undefined;
      const state = wantedState(plan, last);
      const chains = renderChains(plan);
      const difference = diffStates(last.state, state, draining, clock.now());
      const inputs = renderChanges(difference.changes, family);
      const saved = isPartial ? undefined : await tools.saveRules(signal);
      const rules = renderRestore({
        shared: chains.filter(({ rules }, index) => rules !== last.chains[index]?.rules),
        own: [],
        gone: [],
        jumps: saved === undefined ? [] : missingJumps(JUMPS, saved),
      });
      await tools.ipset(inputs.ipsetAdd, signal);
      await tools.iptables(rules, signal);
      await tools.ipvsadm(inputs.ipvsadm, signal);
      draining = difference.draining;
      await tools.ip(inputs.ip, signal);
      await tools.ipset(inputs.ipsetDelete, signal);
      written = { ...last, state, chains };
      if (clock.now() - checkedAt >= DRAIN_CHECK_MS) await tend(signal);
      return { full: !isPartial, written: difference.changes.length + countRules(rules) };
    },
    isIntact: async (signal) => written !== undefined && (await holds(tools, written.state, signal)),
    tend,
    cleanup: async (signal) => {
      written = undefined;
      draining = new Map();
      await removeAll(tools, family, signal);
    },
  };
}

function wantedState(plan: ProxyPlan, { context, shares }: Pick<Written, 'context' | 'shares'>): IpvsState {
  return desiredState(plan, (port) => {
    const known = shares.get(port);
    if (known !== undefined) return known;
    const share = shareOfPort(port, context);
    shares.set(port, share);
    return share;
  });
}

/** Whether chains, virtual servers, sets and addresses are still there; not whether each of them is as it was. */
async function holds(tools: Tools, want: IpvsState, signal: AbortSignal): Promise<boolean> {
  for (const [table, chain] of WITNESSES) if (!(await tools.hasChain(table, chain, signal))) return false;
  const { state } = await tools.observe(signal);
  return (
    [...want.servers.keys()].every((service) => state.servers.has(service)) &&
    [...want.sets].every(([kind, entries]) => state.sets.get(kind)?.size === entries.size) &&
    state.addresses?.size === want.addresses?.size
  );
}
