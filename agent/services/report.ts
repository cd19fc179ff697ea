import {
  type Family,
  formatServicePortName,
  heldOfAll,
  heldOfPort,
  type HeldIndex,
  type ProxyMode,
  type ProxyPlan,
  type ProxyPlans,
} from '../../proxy/index.ts';
import type { EndpointSlice, Service } from '../objects/types.ts';
import type { SourceProblem } from '../sources/types.ts';
import { serviceKey } from './types.ts';

/** The proxy at one glance. */
export interface ProxyReport {
  /** How Services work here; absent while there is none to work for, and when they do not work. */
  readonly mode?: ProxyMode;
  /** Why this mode, or why none. */
  readonly reason?: string;
  /** The kernel holds what it should. */
  readonly settled: boolean;
  /** Why the kernel could not be read; absent when it was, and when nobody asked for that. */
  readonly unread?: string;
  /** What the kernel lacks of the rules that all Services stand on; absent when it was not read. */
  readonly missing?: readonly string[];
}

/** One address of an endpoint, with the ports that it has. */
export interface EndpointReport {
  readonly address: string;
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  /** It gets new connections. */
  readonly ready: boolean;
  /** It answers, also while it terminates. */
  readonly serving: boolean;
  readonly terminating: boolean;
  /** `namespace/name` of its pod; absent for an endpoint that is no pod. */
  readonly pod?: string;
}

/** What the proxy makes of one port in one address family. */
export interface RulesReport {
  /** `namespace/name:port`. */
  readonly port: string;
  readonly family: 4 | 6;
  /** Endpoints for traffic by the policies Cluster and Local. */
  readonly clusterEndpoints: number;
  readonly localEndpoints: number;
  /** What the kernel shows; absent when it was not read. */
  readonly kernel?: {
    /** Chains or virtual servers that are there, by their names. */
    readonly held: readonly string[];
    /** What should be there and is not. */
    readonly missing: readonly string[];
  };
}

export interface ServiceReport {
  /** With the addresses and ports that it was given. */
  readonly service: Service;
  readonly endpoints: readonly EndpointReport[];
  readonly rules: readonly RulesReport[];
}

/** What `GET /podwright/v1/services` answers. */
export interface ServicesReport {
  readonly proxy: ProxyReport;
  /** Sorted by namespace and name. */
  readonly services: readonly ServiceReport[];
  /** Also of Services that are not among {@link services}, because of them. */
  readonly problems: readonly SourceProblem[];
}

export interface ServicesState {
  readonly proxy: ProxyReport;
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly plans: ProxyPlans;
  readonly problems: readonly SourceProblem[];
  /** Of each family that was read. */
  readonly kernel?: ReadonlyMap<Family, HeldIndex>;
}

export function reportServices(state: ServicesState): ServicesReport {
  const { proxy, services, slices, problems } = state;
  const slicesOf = groupBy(slices, ({ metadata }) => `${metadata.namespace}/${serviceName(metadata.labels)}`);
  const rules = rulesOf(state);
  const sorted = [...services].sort((a, b) => (serviceKey(a) < serviceKey(b) ? -1 : 1));
  return {
    proxy: { ...proxy, ...missingOfAll(state) },
    problems,
    services: sorted.map((service) => ({
      service,
      endpoints: (slicesOf.get(serviceKey(service)) ?? []).flatMap(endpointsOf),
      rules: rules.get(serviceKey(service)) ?? [],
    })),
  };
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

const serviceName = (labels: Readonly<Record<string, string>> = {}): string =>
  labels['kubernetes.io/service-name'] ?? '';

/** A condition that is not told counts as good. */
function endpointsOf({ endpoints, ports = [] }: EndpointSlice): readonly EndpointReport[] {
  const numbers = ports.map(({ name = '', port = 0, protocol = 'TCP' }) => ({ name, port, protocol }));
  return endpoints.map(({ addresses, conditions = {}, targetRef }) => {
    const { ready = true, terminating = false } = conditions;
    const pod = targetRef?.kind === 'Pod' ? `${targetRef.namespace ?? ''}/${targetRef.name ?? ''}` : undefined;
    return {
      address: addresses[0] ?? '',
      ports: numbers,
      ...{ ready, serving: conditions.serving ?? ready, terminating },
      ...(pod === undefined ? {} : { pod }),
    };
  });
}

/** What the kernel lacks of the rules that all Services stand on. */
function missingOfAll({ proxy: { mode }, plans, kernel }: ServicesState): Pick<ProxyReport, 'missing'> {
  if (mode === undefined || kernel === undefined) return {};
  const missing = [...kernel].flatMap(([family, index]) =>
    index(heldOfAll(mode, plans[family].settings)).missing.map((text) => `IPv${family}: ${text}`),
  );
  return { missing };
}

function rulesOf({ plans, proxy: { mode }, kernel }: ServicesState): ReadonlyMap<string, readonly RulesReport[]> {
  const all = [plans[4], plans[6]].flatMap((plan) => plan.services.map((port) => ({ plan, port })));
  const byService = groupBy(all, ({ port: { name } }) => `${name.namespace}/${name.name}`);
  return new Map(
    [...byService].map(([key, ports]) => [
      key,
      ports.map(({ plan, port }) => reportRules(port, plan, mode, kernel?.get(port.family))),
    ]),
  );
}

function reportRules(
  port: ProxyPlan['services'][number],
  { settings }: ProxyPlan,
  mode: ProxyMode | undefined,
  index: HeldIndex | undefined,
): RulesReport {
  return {
    port: formatServicePortName(port.name),
    family: port.family,
    clusterEndpoints: port.clusterEndpoints.length,
    localEndpoints: port.localEndpoints.length,
    ...(mode === undefined || index === undefined ? {} : { kernel: index(heldOfPort(mode, port, settings)) }),
  };
}
