/*
 * Says what a table would do with the first packet of a connection, without sending it. The way is the kernel's:
 *
 *   from elsewhere   prerouting; then input for an address of the node, else forward and postrouting
 *   from the node    output, postrouting; prerouting (filter only) and input too when it stays on the node
 */

import { type Outcome, summarise } from '../trace/summary.ts';
import type { Packet, Trace, TraceNode } from '../trace/types.ts';
import type { Chain, Hook, Table } from './table.ts';
import { isLocal, type Surroundings } from './trace-match.ts';
import { walkHook, type Way } from './trace-walk.ts';

/** What the rules of the table do with a packet. */
export function traceNftables(table: Table, packet: Packet, node: TraceNode): Trace {
  const around: Surroundings = { table, localAddresses: node.localAddresses, remembered: node.remembered ?? [] };
  const through = (ways: readonly Way[], hook: Hook['hook'], type?: Hook['type']): readonly Way[] =>
    chainsOf(table, hook, type).reduce(
      (going, chain) => going.flatMap((way) => (isEnded(way) ? [way] : walkHook(chain, way, around))),
      ways,
    );
  const start: readonly Way[] = [startOf(packet)];
  if (packet.sourceKind === 'node') {
    const sent = through(through(start, 'output'), 'postrouting');
    return summary(
      sent.flatMap((way) =>
        isLocal(way.dst, around) ? through(through([way], 'prerouting', 'filter'), 'input') : [way],
      ),
    );
  }
  const routed = through(start, 'prerouting').flatMap((way) =>
    isLocal(way.dst, around) ? through([way], 'input') : through(through([way], 'forward'), 'postrouting'),
  );
  return summary(routed);
}

/** The chains of a hook in the order in which the kernel calls them. */
function chainsOf(table: Table, hook: Hook['hook'], type: Hook['type'] | undefined): readonly Chain[] {
  const priority = (chain: Chain): number => chain.hook?.priority ?? 0;
  return [...table.chains.values()]
    .filter((chain) => chain.hook?.hook === hook && (type ?? chain.hook.type) === chain.hook.type)
    .sort((a, b) => priority(a) - priority(b));
}

const isEnded = ({ end }: Way): boolean => end === 'drop' || end === 'reject';

function startOf(packet: Packet): Way {
  return {
    ...{ packet, dst: packet.dst, port: packet.port, mark: 0, probability: 1 },
    ...{ isTranslated: false, isMasqueraded: false, end: undefined, steps: [] },
  };
}

const summary = (ways: readonly Way[]): Trace => summarise(ways.map(toOutcome));

function toOutcome({ probability, dst, port, isTranslated, isMasqueraded, end, steps }: Way): Outcome {
  const verdict = end === 'drop' || end === 'reject' ? end : 'accept';
  return { probability, verdict, ip: dst, port, isTranslated, isMasqueraded, steps };
}
