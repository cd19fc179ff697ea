import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { heldOfAll, heldOfPort, indexHeld, readHeld } from '../../../proxy/index.ts';
import { createIptablesBackend } from '../../../proxy/iptables/index.ts';
import { createNftablesBackend } from '../../../proxy/nftables/index.ts';
import type { ProxyPlan } from '../../../proxy/types.ts';
import { planOfScenario } from '../../scenarios/scenario.ts';
import { scenarios } from '../../scenarios/scenarios.ts';
import { FAMILIES } from '../../scenarios/world.ts';
import { createNamespaces, type Namespaces } from '../cni/namespaces.ts';

const signal = AbortSignal.timeout(120_000);
const backends = { iptables: createIptablesBackend, nftables: createNftablesBackend } as const;
const modes = ['iptables', 'nftables'] as const;

let namespaces: Namespaces;

beforeAll(() => {
  namespaces = createNamespaces('held');
});
afterAll(() => namespaces?.remove());

/** What is missing of a plan, as the kernel of the namespace shows it. */
async function missing(mode: (typeof modes)[number], { settings, services }: ProxyPlan): Promise<readonly string[]> {
  const index = indexHeld(await readHeld(mode, settings.family, namespaces.exec, signal));
  const wanted = [heldOfAll(mode, settings), ...services.map((port) => heldOfPort(mode, port, settings))];
  return wanted.flatMap((content) => index(content).missing);
}

describe.each(modes)('what the kernel holds by %s', (mode) => {
  test.each(FAMILIES)(
    'nothing is missing after a sync of IPv%i, whatever the Services are',
    async (family) => {
      const backend = backends[mode]({ exec: namespaces.exec, family });
      for (const scenario of scenarios) {
        const plan = planOfScenario(scenario, family);
        await backend.sync(plan, false, signal);
        expect({ title: scenario.title, missing: await missing(mode, plan) }).toEqual({
          title: scenario.title,
          missing: [],
        });
      }
    },
    60_000,
  );
});
