import type { ApiObject } from '../api/types.ts';
import type { EndpointSlice, Service } from '../objects/types.ts';
import { slicesOfEndpoints } from './mirror.ts';

type Endpoint = EndpointSlice['endpoints'][number];

/** A Service as the server sent it; what the server may leave out is filled in. */
export function serviceFromApi(object: ApiObject): Service {
  return { ...object, apiVersion: 'v1', kind: 'Service', metadata: metadataOf(object) };
}

/** An EndpointSlice of `discovery.k8s.io/v1`. Go writes an empty list as null. */
export function sliceFromApi(object: ApiObject): EndpointSlice {
  const { endpoints, ports, ...rest } = object;
  return {
    ...rest,
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: metadataOf(object),
    endpoints: endpoints ?? [],
    ports: ports ?? [],
  } as EndpointSlice;
}

/** In `v1beta1`, node and zone of an endpoint are labels of its node (`pkg/apis/discovery/v1beta1/conversion.go`). */
type BetaEndpoint = Endpoint & { readonly topology?: Readonly<Record<string, string>> | null };

/** An EndpointSlice of `discovery.k8s.io/v1beta1` as one of `v1`. */
export function sliceFromBeta(object: ApiObject): EndpointSlice {
  const slice = sliceFromApi(object);
  return { ...slice, endpoints: slice.endpoints.map(endpointFromBeta) };
}

function endpointFromBeta({ topology, ...endpoint }: BetaEndpoint): Endpoint {
  const nodeName = endpoint.nodeName ?? topology?.['kubernetes.io/hostname'];
  const zone = endpoint.zone ?? topology?.['topology.kubernetes.io/zone'];
  return { ...endpoint, ...(nodeName === undefined ? {} : { nodeName }), ...(zone === undefined ? {} : { zone }) };
}

/** What slices would say of a Service's Endpoints, for a server that has no slices. */
export function slicesFromEndpoints(object: ApiObject): readonly EndpointSlice[] {
  const metadata = metadataOf(object);
  return slicesOfEndpoints({ metadata }, { ...object, apiVersion: 'v1', kind: 'Endpoints', metadata });
}

/** Nothing here is written back: what the server notes on who owns which field is not kept. */
function metadataOf({ metadata }: ApiObject): Service['metadata'] {
  const rest = { ...metadata };
  delete rest['managedFields'];
  return {
    ...rest,
    namespace: metadata.namespace ?? '',
    uid: metadata.uid ?? '',
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
  };
}
