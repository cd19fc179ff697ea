import type { Endpoints, EndpointSlice, Service } from '../objects/types.ts';
import { endpointSlicesOf } from './endpoint-slices.ts';
import { mirrorEndpoints } from './mirror.ts';
import { serviceKey, type ServicePod } from './types.ts';

/** All that gives Services endpoints where no API server does. */
export interface StandaloneInput {
  readonly services: readonly Service[];
  readonly pods: readonly ServicePod[];
  /** From manifests. */
  readonly endpoints: readonly Endpoints[];
  readonly slices: readonly EndpointSlice[];
  readonly nodeName: string;
  /** Of the node. */
  readonly zone?: string;
}

/** The EndpointSlices of all Services: of local pods by selectors, of Endpoints, and those that manifests hold themselves. */
export function standaloneSlices(input: StandaloneInput): readonly EndpointSlice[] {
  const { services, pods, endpoints, slices, nodeName, zone } = input;
  const mirrored = new Map(endpoints.map((one) => [serviceKey(one), one]));
  return [
    ...services.flatMap((service) => {
      const own = mirrored.get(serviceKey(service));
      return [
        ...endpointSlicesOf(service, pods, nodeName, zone),
        ...(own === undefined ? [] : mirrorEndpoints(service, own)),
      ];
    }),
    ...slices,
  ];
}
