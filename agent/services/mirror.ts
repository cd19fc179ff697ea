import { isIP } from 'node:net';
import type { EndpointAddress, Endpoints, EndpointSlice, EndpointSubset, Service } from '../objects/types.ts';
import { emptySlice } from './slice.ts';

type Endpoint = EndpointSlice['endpoints'][number];
type Port = NonNullable<EndpointSlice['ports']>[number];

const CONTROLLER = 'endpointslicemirroring-controller.podwright';
const SKIP = 'endpointslice.kubernetes.io/skip-mirror';

/**
 * The EndpointSlices that say the same as Endpoints, a slice for each subset and address family
 * (pkg/controller/endpointslicemirroring). None for a Service with a selector, whose endpoints are its pods, and none when a
 * label of the Endpoints says that slices exist beside them.
 */
export function mirrorEndpoints(service: Service, endpoints: Endpoints): readonly EndpointSlice[] {
  const selects = Object.keys(service.spec?.selector ?? {}).length > 0;
  if (selects || endpoints.metadata.labels[SKIP] === 'true') return [];
  return slicesOfEndpoints(service, endpoints);
}

/** A slice for each subset and address family, whatever the Service says. */
export function slicesOfEndpoints(
  owner: Pick<Service, 'metadata' | 'spec'>,
  endpoints: Endpoints,
): readonly EndpointSlice[] {
  return (endpoints.subsets ?? []).flatMap((subset, index) =>
    ([4, 6] as const).flatMap((family) => {
      const found = endpointsOf(subset, family);
      if (found.length === 0) return [];
      const slice = emptySlice(owner, `mirror-ipv${family}-${index}`, CONTROLLER);
      return [{ ...slice, addressType: `IPv${family}` as const, endpoints: found, ports: portsOf(subset) }];
    }),
  );
}

function endpointsOf({ addresses = [], notReadyAddresses = [] }: EndpointSubset, family: 4 | 6): Endpoint[] {
  const toEndpoint = (address: EndpointAddress, ready: boolean): readonly Endpoint[] => {
    const { ip, hostname, nodeName, targetRef } = address;
    if (isIP(ip) !== family) return [];
    const more = {
      ...(hostname ? { hostname } : {}),
      ...(nodeName ? { nodeName } : {}),
      ...(targetRef ? { targetRef } : {}),
    };
    return [{ addresses: [ip], conditions: { ready }, ...more }];
  };
  return [
    ...addresses.flatMap((address) => toEndpoint(address, true)),
    ...notReadyAddresses.flatMap((address) => toEndpoint(address, false)),
  ];
}

function portsOf({ ports = [] }: EndpointSubset): Port[] {
  return ports.flatMap(({ name = '', port, protocol = 'TCP', appProtocol }) =>
    protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP'
      ? [{ name, port, protocol, ...(appProtocol ? { appProtocol } : {}) }]
      : [],
  );
}
