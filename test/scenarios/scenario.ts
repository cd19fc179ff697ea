import type { Trace } from '../../proxy/trace/types.ts';
import { planServices } from '../../proxy/services/index.ts';
import type {
  ServiceInput,
  ServicePortSpec,
  ServiceSpec,
  SliceEndpoint,
  SliceInput,
} from '../../proxy/services/input.ts';
import type { Family, ProxyPlan, ProxySettings, Protocol } from '../../proxy/types.ts';
import {
  addressOf,
  bothAddresses,
  type Destination,
  FAMILIES,
  nameOf,
  NODE_NAME,
  type Place,
  settingsOf,
  type Source,
} from './world.ts';

export type Mode = 'iptables' | 'nftables' | 'ipvs';

/**
 * What becomes of a connection: the endpoints that it may reach, `a, b as node`, where `as node` says that the server sees an
 * address of the node and not the client's; or
 *
 *   refused     the client is told at once
 *   dropped     the client hears nothing
 *   untouched   no rule concerns it
 */
export type Expected = string;

/** Differs between the modes only where kube-proxy's modes differ. */
export type Row = readonly [from: Source, to: Destination, expected: Expected | Readonly<Record<Mode, Expected>>];

export interface Scenario {
  readonly title: string;
  /** What it has besides cluster IPs of both families and the port 80 that leads to 8080. */
  readonly service?: ServiceSpec;
  /** Of its load balancer, when its type says so. */
  readonly ipMode?: 'VIP' | 'Proxy';
  readonly endpoints: readonly ScenarioEndpoint[];
  readonly settings?: (family: Family) => Partial<ProxySettings>;
  /** Default TCP. */
  readonly protocol?: Protocol;
  /** A client stays with the first endpoint that it reached. */
  readonly isSticky?: true;
  readonly rows: readonly Row[];
}

export interface ScenarioEndpoint extends Pick<SliceEndpoint, 'conditions' | 'hints'> {
  readonly at: Place;
}

const all = (places: readonly Place[], rest: Omit<ScenarioEndpoint, 'at'>): readonly ScenarioEndpoint[] =>
  places.map((at) => ({ at, ...rest }));

export const ready = (...at: readonly Place[]): readonly ScenarioEndpoint[] =>
  all(at, { conditions: { ready: true, serving: true, terminating: false } });
export const unready = (...at: readonly Place[]): readonly ScenarioEndpoint[] =>
  all(at, { conditions: { ready: false, serving: false, terminating: false } });
/** Ends, and still answers. */
export const terminating = (...at: readonly Place[]): readonly ScenarioEndpoint[] =>
  all(at, { conditions: { ready: false, serving: true, terminating: true } });
/** Ends, and does not answer any more. */
export const dying = (...at: readonly Place[]): readonly ScenarioEndpoint[] =>
  all(at, { conditions: { ready: false, serving: false, terminating: true } });

/** The plan of a family that a scenario's objects make, by the same decision as in the daemon. */
export function planOfScenario(
  { service, ipMode, endpoints, settings, protocol }: Scenario,
  family: Family,
): ProxyPlan {
  const ports = service?.ports ?? [{ port: 80, ...(protocol === undefined ? {} : { protocol }) }];
  const ingress = service?.type === 'LoadBalancer' ? bothAddresses('balancer') : [];
  const object: ServiceInput = {
    metadata: { namespace: 'lab', name: 'web' },
    spec: { clusterIPs: bothAddresses('cluster'), ...service, ports },
    status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip, ...(ipMode === undefined ? {} : { ipMode }) })) } },
  };
  const settingsOfFamily = (of: Family): ProxySettings => settingsOf(of, settings?.(of));
  return planServices({
    services: [object],
    slices: FAMILIES.map((of) => sliceOf(endpoints, ports, of)),
    nodeName: NODE_NAME,
    nodeLabels: {},
    settings: { 4: settingsOfFamily(4), 6: settingsOfFamily(6) },
  })[family];
}

/** The first port leads to 8080, the next one to 8081. */
function sliceOf(
  endpoints: readonly ScenarioEndpoint[],
  ports: readonly ServicePortSpec[],
  family: Family,
): SliceInput {
  return {
    metadata: { namespace: 'lab', name: `web-${family}`, labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: `IPv${family}`,
    ports: ports.map(({ name = '', protocol = 'TCP' }, index) => ({ name, protocol, port: 8080 + index })),
    endpoints: endpoints.map(({ at, ...rest }) => ({
      ...rest,
      addresses: [addressOf(at, family)],
      nodeName: at === 'far' ? 'node-b' : NODE_NAME,
    })),
  };
}

export function expectedOf([, , expected]: Row, mode: Mode): Expected {
  return typeof expected === 'string' ? expected : expected[mode];
}

/** A trace in the words of {@link Expected}. */
export function tell({ verdict, endpoints }: Trace, family: Family): Expected {
  if (verdict === 'dnat') {
    return list(endpoints.map(({ ip, port, masquerade }) => tellEndpoint(nameOf(ip, port, family), masquerade)));
  }
  return { reject: 'refused', drop: 'dropped', accept: 'untouched' }[verdict];
}

export const tellEndpoint = (name: string, isMasqueraded: boolean): string =>
  `${name}${isMasqueraded ? ' as node' : ''}`;

export const list = (endpoints: Iterable<string>): Expected => [...endpoints].sort().join(', ');
