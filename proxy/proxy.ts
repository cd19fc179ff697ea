import { isIPv6 } from 'node:net';
import { createProxyHealth, createServiceHealthServers } from './health/index.ts';
import { createProxyMetrics } from './metrics/index.ts';
import { defaultIpvs, gatherModeFacts } from './mode-facts.ts';
import { chooseMode, type ModeChoice, type ModeFacts, type ProxyMode, ProxyModeError } from './mode.ts';
import { proxyBackends } from './proxy-backends.ts';
import type { FamilySync } from './proxy-family.ts';
import { createFamily, createHealthSync, type Parts, serveStatus } from './proxy-parts.ts';
import { firstAbort } from './proxy-serve.ts';
import { planSettings } from './proxy-settings.ts';
import { triggerTimes } from './proxy-triggers.ts';
import type { Proxy, ProxyOptions } from './proxy-types.ts';
import { createServicePlanner, type PlanChanges } from './services/index.ts';
import { systemSysctls } from './sysctls.ts';
import type { Family, ProxySettings } from './types.ts';

/** Makes Services work on a node: what it is told of becomes a plan, and the kernel is kept at the plan. */
export function createProxy(options: ProxyOptions): Proxy {
  const { clock, log, backends = proxyBackends, sysctls = systemSysctls, nodeName, nodeLabels } = options;
  let { nodeAddresses: addresses, config } = options;
  let mode: ProxyMode | undefined;
  const settings = (): Readonly<Record<Family, ProxySettings>> => ({
    4: planSettings(4, config, addresses, mode),
    6: planSettings(6, config, addresses, mode),
  });
  const planner = createServicePlanner({ nodeName, nodeLabels, settings: settings() });
  let plans = planner.update({});

  const families = new Map<Family, FamilySync>();
  const health = createProxyHealth({ clock, timeoutMs: 2 * options.syncPeriodMs });
  const serviceHealth = createServiceHealthServers({ isProxyHealthy: () => health.status().isHealthy, log });
  const parts: Parts = { options, backends, sysctls, health, serviceHealth, metrics: createProxyMetrics() };
  const isSettled = (): boolean => families.size > 0 && [...families.values()].every((family) => family.isSettled());
  const healthSync = createHealthSync(parts, () => [...families.keys()].map((family) => plans[family]));
  const startedAt = clock.now();
  const sources = new AbortController();
  let running: Promise<unknown> = Promise.resolve();

  const onSynced = (): void => {
    if (isSettled()) parts.metrics.settled();
    healthSync.request();
  };

  const update = (changes: PlanChanges): void => {
    parts.metrics.changed(changes.services?.size ?? 0, changes.slices?.size ?? 0);
    plans = planner.update(changes);
    for (const [family, sync] of families) sync.update(plans[family], triggerTimes(changes, family, startedAt));
  };

  const runFamilies = async (choice: ModeChoice, facts: ModeFacts, signal: AbortSignal): Promise<void> => {
    await firstAbort(sources.signal, signal);
    if (signal.aborted) return;
    for (const family of choice.families) {
      families.set(family, createFamily(parts, { family, choice, facts, plan: plans[family], onSynced }));
    }
    await Promise.all([...families.values()].map((family) => family.loop(signal)));
    await healthSync.close();
  };

  return {
    update,
    updateNode: ({ labels, addresses: next = addresses, podCidrs, eligible }) => {
      if (eligible !== undefined) health.setNodeEligible(eligible);
      if (labels === undefined && podCidrs === undefined && next === addresses) return;
      addresses = next;
      if (podCidrs !== undefined) config = { ...config, podCidrs };
      update({ ...(labels === undefined ? {} : { nodeLabels: labels }), settings: settings() });
    },
    synced: () => sources.abort(),
    start: async (signal) => {
      const facts = await gatherModeFacts(backends, options.exec, signal);
      const choice = chooseMode(options.mode, facts, isIPv6(addresses.primary[0] ?? '') ? 6 : 4);
      const problem = await backends[choice.mode].verify?.(options.exec, signal, options.ipvs ?? defaultIpvs);
      if (problem !== undefined) throw new ProxyModeError(`the proxy mode ${choice.mode} cannot work here: ${problem}`);
      log.info({ mode: choice.mode, families: choice.families, reason: choice.reason }, 'proxy mode');
      mode = choice.mode;
      update({ settings: settings() });
      running = Promise.all([runFamilies(choice, facts, signal), ...serveStatus(parts, mode, signal)]);
      return choice;
    },
    ended: async () => {
      await running;
    },
    requestFullSync: () => {
      for (const family of families.values()) family.requestFull();
    },
    plans: () => plans,
    health: () => health.status(),
    isSettled,
  };
}
