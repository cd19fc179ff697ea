import { formatIp, type IpAddress, parseIp } from '../ip/cidr.ts';
import type { CniIp } from '../spec/types.ts';
import type { Range, RangeSet } from './ranges.ts';

/** An address that may be given, and the range that it is of. */
export interface Candidate {
  readonly ip: IpAddress;
  readonly range: Range;
}

/**
 * The addresses of a set in the order in which they are tried: round robin from behind the last one given, so that an
 * address rests as long as possible before it is given again. Gateways are left out.
 */
export function* candidates(set: RangeSet, last: IpAddress | undefined): Generator<Candidate> {
  const lastRange = last === undefined ? -1 : set.findIndex((range) => isIn(range, last));
  const from = Math.max(0, lastRange);
  const resume = lastRange === -1 ? undefined : (last?.value ?? 0n) + 1n;
  // The range that is begun in its middle is visited twice: from there to its end first, what lies before last.
  for (let turn = 0; turn <= set.length; turn += 1) {
    const range = set[(from + turn) % set.length];
    if (range === undefined) return;
    const start = turn === 0 && resume !== undefined ? resume : range.start;
    const end = turn === set.length ? (resume ?? range.start) - 1n : range.end;
    for (let value = start; value <= end; value += 1n) {
      if (!set.some(({ gateway }) => gateway === value)) yield { ip: { family: range.subnet.family, value }, range };
    }
  }
}

/** The range of a set that an address is of; undefined when it is of none, as after a change of the configuration. */
export function rangeOf(set: RangeSet, ip: string): Range | undefined {
  const address = parseIp(ip);
  return address === undefined ? undefined : set.find((range) => isIn(range, address));
}

function isIn({ subnet, start, end }: Range, ip: IpAddress): boolean {
  return subnet.family === ip.family && ip.value >= start && ip.value <= end;
}

/** An address as an IPAM plugin reports it: with the prefix of its subnet, and the gateway. */
export function toCniIp(ip: string, { subnet, gateway }: Range): CniIp {
  return { address: `${ip}/${subnet.prefix}`, gateway: formatIp({ family: subnet.family, value: gateway }) };
}

/** `203.0.113.2-203.0.113.254` of each range, for messages. */
export function describe(set: RangeSet): string {
  return set
    .map(({ subnet: { family }, start, end }) => [start, end].map((value) => formatIp({ family, value })).join('-'))
    .join(',');
}
