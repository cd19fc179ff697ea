import type { Endpoint, Family, Protocol } from '../types.ts';
import { addressOf } from './addresses.ts';
import { isForeign, type ProxyNode, type SliceEndpoint, type SliceInput } from './input.ts';

/** An endpoint, and the nodes and zones that should prefer it. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly forNodes: readonly string[];
  readonly forZones: readonly string[];
}

/** Which endpoints are asked for: those of one port of a Service in one address family. */
export interface PortOfFamily {
  /** Empty for a port without a name. */
  readonly port: string;
  readonly protocol: Protocol;
  readonly family: Family;
}

/**
 * The endpoints that the slices of a Service hold for one of its ports, once each, sorted by address and port as kube-proxy
 * sorts them (`pkg/proxy/endpointslicecache.go`): the order does not change when a controller shuffles its slices.
 */
export function candidatesOf(
  slices: readonly SliceInput[],
  wanted: PortOfFamily,
  node: ProxyNode,
): readonly Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    for (const port of portsOf(slice, wanted)) {
      for (const endpoint of slice.endpoints) {
        const candidate = toCandidate(endpoint, port, wanted.family, node);
        if (candidate !== undefined) addBetter(found, candidate);
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : Number(a > b))).map(([, candidate]) => candidate);
}

function portsOf(slice: SliceInput, { port: wanted, protocol: over, family }: PortOfFamily): readonly number[] {
  if (slice.addressType !== `IPv${family}` || isForeign(slice)) return [];
  return (slice.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port = 0 }) =>
    name === wanted && protocol === over && port > 0 ? [port] : [],
  );
}

/** One for all: most endpoints have no hints. */
const NONE: readonly string[] = [];

/** A condition that is not told counts as good. `ready` covers termination: a controller that wants both says both. */
function toCandidate(from: SliceEndpoint, port: number, family: Family, node: ProxyNode): Candidate | undefined {
  const ip = addressOf(family, from.addresses[0] ?? '');
  if (ip === undefined) return undefined;
  const { ready = true, serving = true, terminating = false } = from.conditions ?? {};
  const isLocal = node.name !== '' && from.nodeName === node.name;
  return {
    endpoint: { ip, port, isLocal, ready, serving, terminating },
    forNodes: from.hints?.forNodes?.map(({ name }) => name) ?? NONE,
    forZones: from.hints?.forZones?.map(({ name }) => name) ?? NONE,
  };
}

/** An endpoint that moves from slice to slice is in both for a while: the local one counts, then the one that can serve more. */
function addBetter(found: Map<string, Candidate>, candidate: Candidate): void {
  const { ip, port } = candidate.endpoint;
  const key = `${ip}:${port}`;
  const known = found.get(key);
  if (known === undefined || rank(candidate) > rank(known)) found.set(key, candidate);
}

function rank({ endpoint: { isLocal, ready, serving } }: Candidate): number {
  return Number(isLocal) * 4 + Number(ready) * 2 + Number(serving);
}
