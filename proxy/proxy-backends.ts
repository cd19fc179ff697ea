import { type Exec, setSysctl } from '../cni/index.ts';
import { createIptablesBackend } from './iptables/index.ts';
import { createIpvsBackend, ipvsProblem } from './ipvs/index.ts';
import { type ModeSupport, probeIptables, probeIpvs } from './mode-facts.ts';
import { PROXY_MODES, type ProxyMode } from './mode.ts';
import { createNftablesBackend, nftablesSupported } from './nftables/index.ts';

/** All modes of this version. */
export const proxyBackends: Readonly<Record<ProxyMode, ModeSupport>> = {
  iptables: { probe: probeIptables, create: createIptablesBackend },
  ipvs: {
    probe: probeIpvs,
    verify: (exec, signal, { scheduler }) => ipvsProblem(exec, signal, scheduler),
    create: ({ exec, family, ipvs }) => createIpvsBackend({ exec, family, setSysctl, clock: Date, ...ipvs }),
  },
  nftables: { probe: nftablesSupported, create: createNftablesBackend },
};

/**
 * Removes the rules of Services of every mode that works here, as `podwright reset` does; those of modes that do not work cannot
 * be there.
 *
 * @throws AggregateError with what could not be removed, when all else is
 */
export async function removeServiceRules(exec: Exec, signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for (const mode of PROXY_MODES) {
    const { probe, create } = proxyBackends[mode];
    for (const family of [4, 6] as const) {
      if (create === undefined || (await probe(exec, signal, family)) !== undefined) continue;
      await create({ exec, family })
        .cleanup(signal)
        .catch((error: unknown) => failures.push(error));
    }
  }
  signal.throwIfAborted();
  if (failures.length > 0) throw new AggregateError(failures, 'cannot remove all rules of Services');
}
