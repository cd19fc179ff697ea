import { createFlowReconciler } from './conntrack/index.ts';
import { planHealthServices, type ProxyHealth, serveHealth, type ServiceHealthServers } from './health/index.ts';
import { type ProxyMetrics, serveMetrics } from './metrics/index.ts';
import { defaultIpvs, type ModeSupport } from './mode-facts.ts';
import { type ModeChoice, type ModeFacts, PROXY_MODES, type ProxyMode } from './mode.ts';
import { createFamilySync, type FamilySync } from './proxy-family.ts';
import { keepServing } from './proxy-serve.ts';
import type { ProxyOptions } from './proxy-types.ts';
import { ensureSysctls, type SysctlAccess } from './sysctls.ts';
import type { Family, ProxyBackend, ProxyPlan } from './types.ts';

/** What the parts of a proxy share. */
export interface Parts {
  readonly options: ProxyOptions;
  readonly backends: Readonly<Record<ProxyMode, ModeSupport>>;
  readonly sysctls: SysctlAccess;
  readonly health: ProxyHealth;
  readonly serviceHealth: ServiceHealthServers;
  readonly metrics: ProxyMetrics;
}

export interface FamilyStart {
  readonly family: Family;
  readonly choice: ModeChoice;
  readonly facts: ModeFacts;
  readonly plan: ProxyPlan;
  readonly onSynced: () => void;
}

/** The sync of one family by the chosen mode. It also takes away what other modes have left, where they work at all. */
export function createFamily(parts: Parts, { family, choice, facts, plan, onSynced }: FamilyStart): FamilySync {
  const { options, backends, sysctls, health, metrics } = parts;
  const { exec, clock, log, syncPeriodMs, minSyncPeriodMs } = options;
  const create = (mode: ProxyMode): ProxyBackend => {
    const backend = backends[mode].create?.({ exec, family, ipvs: options.ipvs ?? defaultIpvs });
    if (backend === undefined) throw new Error(`the proxy mode ${mode} has no backend`);
    return backend;
  };
  const others = PROXY_MODES.filter((mode) => mode !== choice.mode && facts[mode][family] === undefined);
  return createFamilySync({
    ...{ family, mode: choice.mode, plan, clock, log, syncPeriodMs, minSyncPeriodMs, health, metrics, onSynced },
    backend: create(choice.mode),
    former: new Map(others.map((mode) => [mode, create(mode)])),
    flows: createFlowReconciler({ exec, family, log }),
    prepare: ({ settings }, signal) => ensureSysctls(settings, { access: sysctls, exec, log }, signal),
  });
}

/** Keeps the health ports of Services at the plans, one change at a time. */
export function createHealthSync(
  { serviceHealth, options: { log } }: Parts,
  plans: () => readonly ProxyPlan[],
): { request(): void; close(): Promise<void> } {
  let last: Promise<void> = Promise.resolve();
  const sync = async (): Promise<void> => {
    const current = plans();
    await serviceHealth.sync(planHealthServices(current), healthAddresses(current));
  };
  return {
    request: () => {
      last = last.then(sync).catch((err: unknown) => log.error({ err }, 'cannot serve health check node ports'));
    },
    close: async () => {
      await last;
      await serviceHealth.close();
    },
  };
}

/** Where health check node ports listen; undefined for everywhere. */
function healthAddresses(plans: readonly ProxyPlan[]): readonly string[] | undefined {
  const isOpen = plans.some(({ settings }) => settings.nodePortCidrs === undefined);
  return isOpen ? undefined : plans.flatMap(({ settings }) => settings.nodeIps);
}

/** Serves health and metrics, each where it has an address, until it is aborted. */
export function serveStatus(
  { options, health, metrics }: Parts,
  mode: ProxyMode,
  signal: AbortSignal,
): readonly Promise<void>[] {
  const { clock, log, healthzAddress, metricsAddress } = options;
  const openHealth = () =>
    serveHealth({
      address: healthzAddress,
      health,
      onAnswer: (path, code) => metrics.healthAnswered(path, code),
    });
  const openMetrics = () => serveMetrics({ address: metricsAddress, mode, render: () => metrics.render() });
  return [
    ...(healthzAddress === '' ? [] : [keepServing('the health of the proxy', openHealth, { clock, log }, signal)]),
    ...(metricsAddress === '' ? [] : [keepServing('the metrics of the proxy', openMetrics, { clock, log }, signal)]),
  ];
}
