import { protocolName } from './names.ts';
import { type Action, type Chain, containers, type MapName, type Rule, type Verdict } from './table.ts';
import { likelihood, type Surroundings, type Traveller } from './trace-match.ts';

/** One way that a packet may go. */
export interface Way extends Traveller {
  /** 0 to 1; those of all ways of a packet make 1. */
  readonly probability: number;
  readonly isTranslated: boolean;
  readonly isMasqueraded: boolean;
  /** `accept` ends a hook's chain, `drop` and `reject` end all; undefined while the packet goes on through the chain. */
  readonly end: 'accept' | 'drop' | 'reject' | 'return' | undefined;
  /** What matched, in words. */
  readonly steps: readonly string[];
}

/** The ways through a hook's chain; none of them is at its end for good unless it is dropped or rejected. */
export function walkHook(chain: Chain, start: Way, around: Surroundings): readonly Way[] {
  return walkChain(chain, { ...start, end: undefined }, around);
}

function walkChain({ name, rules }: Chain, start: Way, around: Surroundings): readonly Way[] {
  const ended: Way[] = [];
  let going: readonly Way[] = [start];
  for (const rule of rules) {
    const next = going.flatMap((way) => walkRule(name, rule, way, around));
    ended.push(...next.filter(({ end }) => end !== undefined));
    going = next.filter(({ end }) => end === undefined);
    if (going.length === 0) break;
  }
  return [...ended, ...going];
}

function walkRule(chain: string, rule: Rule, way: Way, around: Surroundings): readonly Way[] {
  const probability = likelihood(rule.when, way, around);
  const missed = { ...way, probability: way.probability * (1 - probability) };
  const taken = { ...way, probability: way.probability * probability };
  return [...(probability > 0 ? act(chain, rule.then, taken, around) : []), ...(probability < 1 ? [missed] : [])];
}

function act(chain: string, action: Action, way: Way, around: Surroundings): readonly Way[] {
  const tell = (what: string): Way => ({ ...way, steps: [...way.steps, `${chain}: ${what}`] });
  switch (action.do) {
    case 'verdict':
      return follow(chain, action.verdict, way, around);
    case 'look-up': {
      const key = keyOf(action.map, way);
      const verdict = around.table.elements[action.map].get(key)?.verdict;
      return verdict === undefined ? [way] : follow(`${chain}, ${key} in ${action.map}`, verdict, way, around);
    }
    case 'balance':
      return action.chains.flatMap((target) =>
        follow(chain, `goto ${target}`, { ...way, probability: way.probability / action.chains.length }, around),
      );
    case 'mark':
      return [{ ...way, mark: withMark(way.mark, action) }];
    case 'masquerade':
      return [{ ...tell('masqueraded as the node'), isMasqueraded: true, end: 'accept' }];
    case 'dnat':
      return [
        {
          ...tell(`sent to ${action.ip.includes(':') ? `[${action.ip}]` : action.ip}:${action.port}`),
          ...{ dst: action.ip, port: action.port, isTranslated: true, end: 'accept' },
        },
      ];
    case 'remember':
      return [tell(`${way.packet.src} stays with this endpoint`)];
  }
}

function keyOf(map: MapName, { packet, dst, port }: Way): string {
  const key = `${protocolName(packet.protocol)} . ${port}`;
  return containers[map].key === 'port' ? key : `${dst} . ${key}`;
}

function withMark(before: number, { how, mark }: Extract<Action, { do: 'mark' }>): number {
  const [a, b] = [BigInt(before), BigInt(mark)];
  return Number(how === 'or' ? a | b : a ^ b);
}

/** What a chain that was gone to leaves over goes on where its caller was called; after a jump, behind the jump. */
function follow(where: string, verdict: Verdict, way: Way, around: Surroundings): readonly Way[] {
  const told = { ...way, steps: [...way.steps, `${where}: ${wordsOf(verdict)}`] };
  if (verdict === 'return') return [{ ...way, end: 'return' }];
  if (verdict === 'drop' || verdict === 'reject') return [{ ...told, end: verdict }];
  const chain = around.table.chains.get(verdict.slice('goto '.length));
  if (chain === undefined) throw new Error(`${where}: there is no chain for "${verdict}"`);
  // What a hook calls is always the same.
  const isSilent = around.table.chains.get(where)?.hook !== undefined;
  return walkChain(chain, isSilent ? way : told, around).map((each) => {
    if (each.end !== undefined && each.end !== 'return') return each;
    return { ...each, end: verdict.startsWith('goto ') ? 'return' : undefined };
  });
}

function wordsOf(verdict: Verdict): string {
  if (verdict === 'drop') return 'dropped';
  if (verdict === 'reject') return 'rejected';
  return verdict === 'jump mark-for-masquerade' ? 'marked for masquerading' : `on to ${verdict.slice('goto '.length)}`;
}
