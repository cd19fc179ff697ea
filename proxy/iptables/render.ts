import type { ProxyPlan } from '../types.ts';
import { jumpsOf } from './jumps.ts';
import { type Block, renderOwnChains } from './own-chains.ts';
import { type Change, renderRestore } from './restore.ts';
import { missingJumps, savedServiceChains } from './saved.ts';
import { renderSharedChains, type SharedChain } from './shared-chains.ts';
import { renderSharedRules } from './shared-rules.ts';

/** With more endpoints, rules have no comments for them (`largeClusterEndpointsThreshold`, pkg/proxy/iptables/proxier.go). */
const LARGE_ENDPOINTS = 1_000;

/** What a plan writes where the output of `iptables-save` shows what there is. */
export function fullChange(plan: ProxyPlan, shared: readonly SharedChain[], saved: string): Change {
  const options = { settings: plan.settings, isLarge: isLarge(plan) };
  const own = plan.services.map((service) => renderOwnChains(service, options));
  return {
    shared,
    own,
    gone: without(savedServiceChains(saved), own),
    jumps: missingJumps(jumpsOf(plan.settings), saved),
  };
}

/** On a host that starts there are none, and tens of thousands that are wanted. */
function without(saved: readonly string[], own: readonly Block[]): readonly string[] {
  if (saved.length === 0) return saved;
  const wanted = new Set(own.flatMap(({ chains }) => chains));
  return saved.filter((chain) => !wanted.has(chain));
}

export function isLarge({ services }: ProxyPlan): boolean {
  return services.reduce((sum, { allEndpoints }) => sum + allEndpoints.length, 0) > LARGE_ENDPOINTS;
}

/** What a plan writes into empty tables: input for `iptables-restore`. */
export function renderPlan(plan: ProxyPlan): string {
  return renderRestore(fullChange(plan, renderSharedChains(plan, renderSharedRules), ''));
}
