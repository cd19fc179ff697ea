import { describe, expect, test } from 'vitest';
import { tracePlan } from '../../../proxy/trace/index.ts';
import { expectedOf, type Mode, planOfScenario, tell } from '../../scenarios/scenario.ts';
import { scenarios } from '../../scenarios/scenarios.ts';
import { FAMILIES, nodeAddresses, packetOf } from '../../scenarios/world.ts';

const modes: readonly Mode[] = ['iptables', 'nftables', 'ipvs'];

describe.each(modes)('%s on paper', (mode) => {
  describe.each(FAMILIES)('IPv%i', (family) => {
    test.each(scenarios)('$title', (scenario) => {
      const plan = planOfScenario(scenario, family);
      const node = { localAddresses: nodeAddresses(family) };
      const told = scenario.rows.map(([from, to]) => {
        const packet = packetOf(from, to, scenario.protocol ?? 'TCP', family);
        return [from, to, tell(tracePlan(mode, plan, packet, node), family)];
      });
      expect(told).toEqual(scenario.rows.map((row) => [row[0], row[1], expectedOf(row, mode)]));
    });
  });
});
