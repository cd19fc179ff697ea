import { planDocker } from './docker-plan.ts';
import type { Facts, Verdict } from './facts.ts';
import { planHost } from './host-plan.ts';
import { planNetwork } from './network-plan.ts';

/** The verdicts on a host, in the order in which a reader repairs it. */
export function planChecks(facts: Facts): readonly Verdict[] {
  return [...planHost(facts), ...planDocker(facts), ...planNetwork(facts)];
}
