import { isWithin, type PacketState } from './trace-match.ts';

/** An IP set that rules ask with `-m set`. */
export interface TracedSet {
  /** As `ipset create` names it: `hash:ip,port`. */
  readonly type: string;
  /** As `ipset save` writes them: `192.0.2.10,tcp:80`. */
  readonly entries: ReadonlySet<string>;
}

export type TracedSets = ReadonlyMap<string, TracedSet>;

/**
 * Whether a set has a packet; undefined for a set that is not known.
 *
 * @param directions whose address or port each dimension of the set asks for: `dst,dst,src`. Ports are those of the destination
 */
export function isInSet(set: TracedSet | undefined, directions: string, packet: PacketState): boolean | undefined {
  if (set === undefined) return undefined;
  const kinds = set.type.replace(/^.*:/, '').split(',');
  const addresses = directions.split(',').map((side) => (side === 'src' ? packet.source : packet.destination));
  const asked = kinds.map((kind, index) => ({ kind, address: addresses[index] ?? '' }));
  return [...set.entries].some((entry) => {
    const parts = entry.split(',');
    return asked.every(({ kind, address }, index) => isPart(kind, parts[index] ?? '', address, packet));
  });
}

function isPart(kind: string, part: string, address: string, { port, protocol }: PacketState): boolean {
  if (kind === 'port') return part === `${port}` || part === `${protocol}:${port}`;
  return kind === 'net' ? isWithin(address, part) : part === address;
}
