/*
 * Says what rules of iptables would do with a packet, without sending it. The way is the kernel's:
 *
 *   from elsewhere     nat PREROUTING, then filter INPUT for an address of the node, else filter FORWARD, nat POSTROUTING
 *   from the node      nat OUTPUT, filter OUTPUT, nat POSTROUTING; filter INPUT too when it stays on the node
 *
 * Packets of a connection that exists are translated as its first one was, by no rule: they meet the filter table only. The
 * tables raw, mangle and security are not looked at.
 */

import { summarise } from '../trace/summary.ts';
import type { Packet, Trace, TraceNode } from '../trace/types.ts';
import type { Protocol } from '../types.ts';
import type { Surroundings } from './trace-match.ts';
import type { RuleSet } from './trace-rules.ts';
import { walkHook, type Way } from './trace-walk.ts';

export interface TracedPacket {
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Who sends: a pod of this node, this node, or somebody else. */
  readonly from: 'pod' | 'node' | 'outside';
  /** Where a packet that the node does not send itself comes in. */
  readonly inInterface?: string;
  /** Default NEW: the first packet of a connection. */
  readonly ctState?: 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID';
}

/** One thing that may become of a packet. */
export interface TraceOutcome {
  /** 0 to 1; those of all outcomes make 1. */
  readonly probability: number;
  readonly verdict: 'accepted' | 'rejected' | 'dropped';
  /** Where it goes: as asked, or translated. */
  readonly destination: string;
  readonly port: number;
  readonly isTranslated: boolean;
  readonly isMasqueraded: boolean;
  /** Rules that it met, in words. */
  readonly trail: readonly string[];
}

/** What rules do with a packet: several outcomes when they leave it to chance, in the order of the rules. */
export function trace(rules: RuleSet, packet: TracedPacket, node: TraceNode): readonly TraceOutcome[] {
  const surroundings: Surroundings = {
    localAddresses: node.localAddresses,
    remembered: node.remembered ?? [],
  };
  const run = (table: string, hook: string, ways: readonly Way[]): readonly Way[] =>
    ways.flatMap((way) =>
      isStopped(way) ? [way] : walkHook(rules, table, hook, { ...way, verdict: undefined }, surroundings),
    );
  const translate = (hook: string, ways: readonly Way[]): readonly Way[] =>
    ways.flatMap((way) => (way.packet.ctState === 'NEW' ? run('nat', hook, [way]) : [way]));

  const begin = startOf(packet);
  if (packet.from === 'node') {
    const sent = translate('POSTROUTING', run('filter', 'OUTPUT', translate('OUTPUT', [begin])));
    return sent.flatMap((way) => (isForNode(way, node) ? run('filter', 'INPUT', [way]) : [way])).map(toOutcome);
  }
  return translate('PREROUTING', [begin])
    .flatMap((way) =>
      isForNode(way, node) ? run('filter', 'INPUT', [way]) : translate('POSTROUTING', run('filter', 'FORWARD', [way])),
    )
    .map(toOutcome);
}

/** A packet before it met any rule. */
export function startOf({
  source,
  destination,
  port,
  protocol,
  from,
  inInterface = '',
  ctState = 'NEW',
}: TracedPacket): Way {
  return {
    probability: 1,
    packet: {
      source,
      destination,
      port,
      protocol: protocol.toLowerCase(),
      inInterface: from === 'node' ? '' : inInterface,
      ctState,
      isTranslated: false,
      mark: 0,
    },
    isMasqueraded: false,
    verdict: undefined,
    trail: [],
  };
}

export function isStopped({ verdict }: Way): boolean {
  return verdict === 'DROP' || verdict === 'REJECT';
}

function isForNode({ packet: { destination } }: Way, { localAddresses }: TraceNode): boolean {
  return localAddresses.includes(destination) || destination.startsWith('127.') || destination === '::1';
}

/** How a way ended. */
export function toOutcome({ probability, packet, isMasqueraded, verdict, trail }: Way): TraceOutcome {
  const { destination, port, isTranslated } = packet;
  return { probability, verdict: named(verdict), destination, port, isTranslated, isMasqueraded, trail };
}

function named(verdict: string | undefined): TraceOutcome['verdict'] {
  if (verdict === 'REJECT') return 'rejected';
  return verdict === 'DROP' ? 'dropped' : 'accepted';
}

/** What rules do with the first packet of a connection, all outcomes taken together. */
export function traceIptables(rules: RuleSet, packet: Packet, node: TraceNode): Trace {
  return summariseWays(trace(rules, tracedPacket(packet), node));
}

/** A packet in the words of {@link trace}. */
export function tracedPacket({ src, dst, port, protocol, sourceKind, inInterface }: Packet): TracedPacket {
  return {
    ...{ source: src, destination: dst, port, protocol },
    from: sourceKind === 'external' ? 'outside' : sourceKind,
    ...(inInterface === undefined ? {} : { inInterface }),
  };
}

const verdicts = { accepted: 'accept', rejected: 'reject', dropped: 'drop' } as const;

export function summariseWays(outcomes: readonly TraceOutcome[]): Trace {
  return summarise(
    outcomes.map(({ verdict, destination, trail, ...rest }) => ({
      ...{ ...rest, verdict: verdicts[verdict], ip: destination, steps: trail },
    })),
  );
}
