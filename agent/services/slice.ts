import type { EndpointSlice, Service } from '../objects/types.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const HEADLESS = 'service.kubernetes.io/headless';

/**
 * A slice of a Service, with the Service's labels, as the controllers set them.
 *
 * @param suffix what its name has after the Service's
 */
export function emptySlice(
  { metadata, spec }: Pick<Service, 'metadata' | 'spec'>,
  suffix: string,
  managedBy: string,
): Pick<EndpointSlice, 'apiVersion' | 'kind' | 'metadata'> {
  const headless = spec?.clusterIP === 'None';
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: metadata.namespace,
      name: `${metadata.name}-${suffix}`,
      uid: `${metadata.uid}-${suffix}`,
      labels: {
        ...metadata.labels,
        [SERVICE_NAME]: metadata.name,
        [MANAGED_BY]: managedBy,
        ...(headless ? { [HEADLESS]: '' } : {}),
      },
      annotations: {},
    },
  };
}
