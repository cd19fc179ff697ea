import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { EndpointSlice, Service } from '../objects/types.ts';
import { emptySlice } from './slice.ts';
import type { ServicePod, ServicePortSpec } from './types.ts';

type Endpoint = EndpointSlice['endpoints'][number];
type Port = NonNullable<EndpointSlice['ports']>[number];
type Family = 4 | 6;

const CONTROLLER = 'endpointslice-controller.podwright';

/** Where the pods are. */
interface Place {
  readonly nodeName: string;
  readonly zone?: string;
}

/**
 * The EndpointSlices of a Service that selects local pods, as the EndpointSlice controller makes them
 * (staging/src/k8s.io/endpointslice/{reconciler,utils}.go): a slice for each address family and each set of ports that the
 * names in `targetPort` give, since those can differ from pod to pod. Their names follow from their content. None for a
 * Service without a selector or of the type ExternalName.
 */
export function endpointSlicesOf(
  service: Service,
  pods: readonly ServicePod[],
  nodeName: string,
  zone?: string,
): readonly EndpointSlice[] {
  const { selector = {}, type } = service.spec ?? {};
  if (type === 'ExternalName' || Object.keys(selector).length === 0) return [];
  const chosen = pods.filter((pod) => pod.namespace === service.metadata.namespace && isChosen(pod, selector));
  return familiesOf(service).flatMap((family) =>
    slicesOf(service, chosen, family, { nodeName, ...(zone === undefined ? {} : { zone }) }),
  );
}

function isChosen(pod: ServicePod, selector: Readonly<Record<string, string>>): boolean {
  const over = pod.phase === 'Succeeded' || pod.phase === 'Failed';
  return !over && Object.entries(selector).every(([key, value]) => pod.labels[key] === value);
}

/** A headless Service that says nothing has what its pods have. */
function familiesOf({ spec = {} }: Service): readonly Family[] {
  const { ipFamilies = [], clusterIP = '', clusterIPs = [] } = spec;
  const said = ipFamilies.map((name) => (name === 'IPv6' ? 6 : 4));
  const addressed = (clusterIPs.length > 0 ? clusterIPs : [clusterIP]).map(isIP);
  const families = ([4, 6] as const).filter((family) =>
    said.length > 0 ? said.includes(family) : addressed.includes(family),
  );
  return families.length > 0 ? families : [4, 6];
}

function slicesOf(
  service: Service,
  pods: readonly ServicePod[],
  family: Family,
  node: Place,
): readonly EndpointSlice[] {
  const groups = new Map<string, { ports: readonly Port[]; endpoints: Endpoint[] }>();
  for (const pod of [...pods].sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))) {
    const address = pod.podIps.find((ip) => isIP(ip) === family);
    if (address === undefined) continue;
    const ports = portsOf(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(toEndpoint(service, pod, address, node));
    groups.set(key, group);
  }
  return [...groups].map(([key, { ports, endpoints }]) => ({
    ...emptySlice(service, suffixOf(family, key), CONTROLLER),
    addressType: `IPv${family}` as const,
    endpoints,
    ports: [...ports],
  }));
}

function suffixOf(family: Family, ports: string): string {
  return `ipv${family}-${createHash('sha256').update(ports).digest('hex').slice(0, 8)}`;
}

/** A named port that the pod does not have is left out: this pod does not serve it. */
function portsOf({ spec = {} }: Service, pod: ServicePod): readonly Port[] {
  return (spec.ports ?? []).flatMap((port) => {
    const target = targetOf(port, pod);
    const { name = '', protocol = 'TCP', appProtocol } = port;
    return target === undefined ? [] : [{ name, protocol, port: target, ...(appProtocol ? { appProtocol } : {}) }];
  });
}

/** `FindPort` (pkg/api/v1/pod/util.go). */
function targetOf({ targetPort, port, protocol = 'TCP' }: ServicePortSpec, pod: ServicePod): number | undefined {
  if (typeof targetPort !== 'string') return targetPort || port;
  return pod.ports.find((own) => own.name === targetPort && (own.protocol ?? 'TCP') === protocol)?.containerPort;
}

function toEndpoint(service: Service, pod: ServicePod, address: string, node: Place): Endpoint {
  const { terminating, ready: serving } = pod;
  const published = service.spec?.publishNotReadyAddresses ?? false;
  // Only such a pod has a DNS name of its own.
  const hostname = pod.subdomain === service.metadata.name ? pod.hostname : undefined;
  return {
    addresses: [address],
    conditions: { ready: published || (serving && !terminating), serving, terminating },
    ...node,
    targetRef: { kind: 'Pod', namespace: pod.namespace, name: pod.name, uid: pod.uid },
    ...(hostname ? { hostname } : {}),
    ...hintsOf(service, node),
  };
}

/**
 * For which nodes and zones an endpoint is (KEP-3015; staging/src/k8s.io/endpointslice/trafficdist). Without its zone an endpoint
 * has no hint for one.
 */
function hintsOf({ spec = {} }: Service, { nodeName, zone }: Place): Pick<Endpoint, 'hints'> {
  const forZones = zone === undefined ? {} : { forZones: [{ name: zone }] };
  const { trafficDistribution } = spec;
  if (trafficDistribution === 'PreferSameNode') return { hints: { forNodes: [{ name: nodeName }], ...forZones } };
  const isZonal = trafficDistribution === 'PreferClose' || trafficDistribution === 'PreferSameZone';
  return isZonal && zone !== undefined ? { hints: forZones } : {};
}
