import { overlap, parseCidr } from '../../cni/index.ts';
import type { Packet } from '../trace/types.ts';
import type { ContainerName, Match, Side, Table } from './table.ts';

/** A packet on its way through the hooks. */
export interface Traveller {
  readonly packet: Packet;
  /** Where it goes now: translated or as it was sent. */
  readonly dst: string;
  readonly port: number;
  readonly mark: number;
}

/** What rules may ask besides the packet. */
export interface Surroundings {
  readonly table: Table;
  readonly localAddresses: readonly string[];
  /** Names of affinity sets that hold the source. */
  readonly remembered: readonly string[];
}

/** How likely all conditions hold, 0 to 1; only chance makes it anything between. */
export function likelihood(matches: readonly Match[], traveller: Traveller, around: Surroundings): number {
  let probability = 1;
  for (const match of matches) {
    probability *= match.on === 'chance' ? 1 / match.outOf : Number(holds(match, traveller, around));
    if (probability === 0) return 0;
  }
  return probability;
}

function holds(match: Exclude<Match, { on: 'chance' }>, traveller: Traveller, around: Surroundings): boolean {
  const { packet } = traveller;
  const address = (side: Side): string => (side === 'saddr' ? packet.src : traveller.dst);
  switch (match.on) {
    case 'address':
      return match.networks.some((network) => isWithin(address(match.side), network)) !== match.not;
    case 'member':
      return isMember(address(match.side), match.set, around);
    case 'port':
      return match.protocol === packet.protocol && match.port === traveller.port;
    case 'local':
      return isLocal(address(match.side), around);
    case 'link':
      return isLink(packet.sourceKind === 'node' ? '' : (packet.inInterface ?? ''), match.name) !== match.not;
    case 'new-connection':
      return true;
    case 'unmarked':
      return !hasMark(traveller.mark, match.mark);
  }
}

function isWithin(address: string, network: string): boolean {
  const [ip, range] = [address, network].map((text) =>
    parseCidr(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`),
  );
  return ip !== undefined && range !== undefined && overlap(ip, range);
}

function isMember(address: string, set: string, { table, remembered }: Surroundings): boolean {
  return table.elements[set as ContainerName]?.has(address) ?? remembered.includes(set);
}

export function isLocal(address: string, { localAddresses }: Pick<Surroundings, 'localAddresses'>): boolean {
  return localAddresses.includes(address) || address.startsWith('127.') || address === '::1';
}

const isLink = (link: string, wanted: string): boolean =>
  wanted.endsWith('*') ? link.startsWith(wanted.slice(0, -1)) : link === wanted;

const hasMark = (mark: number, bit: number): boolean => (BigInt(mark) & BigInt(bit)) !== 0n;
