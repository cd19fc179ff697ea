import { objectKey } from '../objects/index.ts';
import type { Service } from '../objects/types.ts';
import { createClusterIps, namedIps, type ClusterIps, type Refusal } from './cluster-ips.ts';
import { createNodePorts, portKey, wantsHealthCheck, wantsNodePorts, type NodePorts } from './node-ports.ts';
import {
  serviceKey,
  type KeptService,
  type KeptServices,
  type ServicePortSpec,
  type ServiceProblem,
  type ServiceRanges,
  type ServiceSpec,
} from './types.ts';

export interface Allocation {
  /** The Services with all addresses and ports in their places, in the order given; without those that are refused. */
  readonly services: readonly Service[];
  readonly kept: KeptServices;
  /** Why Services are refused. */
  readonly problems: readonly ServiceProblem[];
}

interface Pools {
  readonly clusterIps: ClusterIps;
  readonly nodePorts: NodePorts;
}

/** A Service on its way, and what was refused to it. */
interface Draft {
  readonly service: Service;
  readonly key: string;
  readonly spec: ServiceSpec;
  readonly before: KeptService;
  readonly refusals: Refusal[];
}

const NOTHING: KeptService = { clusterIps: [], nodePorts: {}, healthCheckNodePort: 0 };

/**
 * Gives Services the cluster IPs, node ports and health check node ports that their manifests do not name, as an API server
 * does when they are created (pkg/registry/core/service). What a manifest names comes first, then what a Service had before,
 * then what is free. When two manifests name the same, the Service that had it keeps it, or else the first by name; the other
 * one is refused as a whole, as an API server would refuse it.
 *
 * @param services valid and with defaults
 * @param kept what was given before
 */
export function allocate(services: readonly Service[], kept: KeptServices, ranges: ServiceRanges): Allocation {
  const drafts = services.filter(needsAddresses).map((service) => toDraft(service, kept));
  const pools = createPools(ranges, drafts);
  const ordered = drafts.toSorted((a, b) => Number(keeps(b)) - Number(keeps(a)) || (a.key < b.key ? -1 : 1));
  for (const draft of ordered) claimNamed(draft, pools);
  const filled = new Map(ordered.filter(isFine).map((draft) => [draft.service, fill(draft, pools)]));
  const given = drafts.filter(isFine).flatMap((draft) => {
    const spec = filled.get(draft.service);
    return spec === undefined ? [] : [[draft.key, toKept(spec)] as const];
  });
  return {
    services: services.flatMap((service) => {
      if (!needsAddresses(service)) return [service];
      const spec = filled.get(service);
      return spec === undefined ? [] : [{ ...service, spec }];
    }),
    kept: new Map(given),
    problems: drafts.flatMap(toProblems),
  };
}

/** What Services had is not given to others, as long as they are there. */
function createPools(ranges: ServiceRanges, drafts: readonly Draft[]): Pools {
  const addresses = new Set(drafts.flatMap(({ before }) => before.clusterIps));
  const numbers = drafts.flatMap(({ before }) => [...Object.values(before.nodePorts), before.healthCheckNodePort]);
  return {
    clusterIps: createClusterIps(ranges.clusterIps, addresses),
    nodePorts: createNodePorts(ranges.nodePorts, new Set(numbers)),
  };
}

function needsAddresses({ spec = {} }: Service): boolean {
  return spec.type !== 'ExternalName' && spec.clusterIP !== 'None' && spec.clusterIPs?.[0] !== 'None';
}

function toDraft(service: Service, kept: KeptServices): Draft {
  const key = serviceKey(service);
  return { service, key, spec: service.spec ?? {}, before: kept.get(key) ?? NOTHING, refusals: [] };
}

/** Whether all that the manifest names was the Service's before. */
function keeps({ spec, before }: Draft): boolean {
  return (
    namedIps(spec).every((address) => before.clusterIps.includes(address)) &&
    (spec.ports ?? []).every((port) => !port.nodePort || before.nodePorts[portKey(port)] === port.nodePort)
  );
}

function isFine({ refusals }: Draft): boolean {
  return refusals.length === 0;
}

function claimNamed({ spec, key, refusals }: Draft, { clusterIps, nodePorts }: Pools): void {
  const addresses = namedIps(spec).map((address) => clusterIps.claim(address, key));
  const numbers = (spec.ports ?? []).map(({ nodePort = 0 }, index) =>
    nodePorts.claim(nodePort, key, `spec.ports[${index}].nodePort`),
  );
  const health = nodePorts.claim(spec.healthCheckNodePort ?? 0, key, 'spec.healthCheckNodePort');
  refusals.push(...[...addresses, ...numbers, health].filter((result) => result !== undefined));
}

/** The whole spec; undefined when something is not to be had. */
function fill({ spec, key, before, refusals }: Draft, pools: Pools): ServiceSpec | undefined {
  const families = pools.clusterIps.familiesOf(spec, before.clusterIps);
  if ('message' in families) {
    refusals.push(families);
    return undefined;
  }
  const clusterIPs = families.map((family) => taken(refusals, pools.clusterIps.give(family, spec, before, key), ''));
  const ports = fillPorts(spec, pools.nodePorts, { key, before, refusals });
  const health = fillHealthCheck(spec, pools.nodePorts, { key, before, refusals });
  if (refusals.length > 0) return undefined;
  return {
    ...spec,
    clusterIP: clusterIPs[0] ?? '',
    clusterIPs,
    ipFamilies: families.map((family) => `IPv${family}` as const),
    ipFamilyPolicy: spec.ipFamilyPolicy ?? (families.length > 1 ? 'RequireDualStack' : 'SingleStack'),
    ...(spec.ports === undefined ? {} : { ports }),
    ...(health === 0 ? {} : { healthCheckNodePort: health }),
  };
}

type Owner = Pick<Draft, 'key' | 'before' | 'refusals'>;

/** Ports of one number get one node port: DNS by TCP and by UDP. */
function fillPorts(spec: ServiceSpec, pool: NodePorts, { key, before, refusals }: Owner): ServicePortSpec[] {
  if (!wantsNodePorts(spec)) return [...(spec.ports ?? [])];
  const filled: ServicePortSpec[] = [];
  for (const [index, port] of (spec.ports ?? []).entries()) {
    const path = `spec.ports[${index}].nodePort`;
    const twin = filled.find((other) => other.port === port.port && other.protocol !== port.protocol)?.nodePort;
    const give = (): number =>
      taken(refusals, pool.give(before.nodePorts[portKey(port)] ?? 0, key, `${key}/${portKey(port)}`, path), 0);
    filled.push({ ...port, nodePort: port.nodePort || twin || give() });
  }
  return filled;
}

function fillHealthCheck(spec: ServiceSpec, pool: NodePorts, { key, before, refusals }: Owner): number {
  if (!wantsHealthCheck(spec)) return 0;
  if (spec.healthCheckNodePort) return spec.healthCheckNodePort;
  const path = 'spec.healthCheckNodePort';
  return taken(refusals, pool.give(before.healthCheckNodePort, key, `${key}/healthCheck`, path), 0);
}

function taken<T extends string | number>(refusals: Refusal[], result: T | Refusal, otherwise: T): T {
  if (typeof result !== 'object') return result;
  refusals.push(result);
  return otherwise;
}

function toKept({ clusterIPs = [], ports = [], healthCheckNodePort = 0 }: ServiceSpec): KeptService {
  const numbers = ports.flatMap((port) => (port.nodePort ? [[portKey(port), port.nodePort] as const] : []));
  return { clusterIps: clusterIPs, nodePorts: Object.fromEntries(numbers), healthCheckNodePort };
}

function toProblems({ service: { metadata }, refusals }: Draft): readonly ServiceProblem[] {
  const object = objectKey('Service', metadata.namespace, metadata.name);
  return refusals.map(({ path, message }) => ({
    object,
    path,
    severity: 'error',
    message: `Invalid value: ${message}`,
  }));
}
