import type { ServiceInput, SliceInput } from '../../proxy/services/input.ts';

/*
 * Services and their endpoints as an API server of Kubernetes 1.20 serves them. The addresses are documentation ranges, which
 * are small: Services and endpoints differ by their ports.
 */

export type Service = ServiceInput & { readonly spec: { readonly clusterIP: string; readonly ports: readonly Port[] } };
export type Slice = SliceInput & { readonly ports: readonly Port[] };

interface Port {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP';
}

export const nodeName = 'bench-node';
export const nodeIp = '192.0.2.254';
export const podNetwork = '198.51.100.0/24';
export const serviceNetwork = '192.0.2.0/24';
export const endpointsEach = 5;

const namespace = 'bench';
/** Addresses of pods; a multiple of {@link endpointsEach}, so that the endpoints of a slice share a port. */
const podAddresses = 240;
const serviceAddresses = 250;
/** Of no endpoint. */
const freeAddress = '198.51.100.250';

export function createService(index: number): Service {
  const clusterIP = `192.0.2.${1 + (index % serviceAddresses)}`;
  const port = { name: 'http', protocol: 'TCP', port: 1000 + Math.floor(index / serviceAddresses) } as const;
  const spec = { type: 'ClusterIP', clusterIP, selector: { app: nameOf(index) }, ports: [port] };
  return { metadata: metadataOf(nameOf(index)), spec };
}

/** @param isChanged one endpoint is at another address */
export function createSlice(index: number, isChanged = false): Slice {
  const first = index * endpointsEach;
  const addresses = Array.from(
    { length: endpointsEach },
    (_, nth) => `198.51.100.${1 + ((first + nth) % podAddresses)}`,
  );
  if (isChanged) addresses[0] = freeAddress;
  return {
    metadata: { ...metadataOf(`${nameOf(index)}-x`), labels: { 'kubernetes.io/service-name': nameOf(index) } },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: 2000 + Math.floor(first / podAddresses) }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
}

function nameOf(index: number): string {
  return `service-${String(index).padStart(4, '0')}`;
}

function metadataOf(name: string) {
  return { name, namespace, uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
}
