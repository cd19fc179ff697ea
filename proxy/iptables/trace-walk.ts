import { likelihood, type PacketState, type Surroundings } from './trace-match.ts';
import type { RuleOption, RuleSet, TracedRule } from './trace-rules.ts';

/** One way that a packet may go, with how likely it goes it. */
export interface Way {
  readonly probability: number;
  readonly packet: PacketState;
  readonly isMasqueraded: boolean;
  /** What ended the chain; undefined while it goes on. */
  readonly verdict: string | undefined;
  /** What happened, in words. */
  readonly trail: readonly string[];
}

/** More than any sane set of chains has: rules of somebody else may lead in circles, which the kernel would refuse. */
const MAX_DEPTH = 64;

/** The ways through a built-in chain. Each ends with a verdict. */
export function walkHook(rules: RuleSet, table: string, hook: string, start: Way, node: Surroundings): readonly Way[] {
  const chain = rules.get(`${table} ${hook}`);
  if (chain === undefined) return [{ ...start, verdict: 'ACCEPT' }];
  return walkChain({ rules, table, node }, hook, start, 0).map((way) => {
    if (way.verdict !== undefined && way.verdict !== 'RETURN') return way;
    const verdict = chain.policy ?? 'ACCEPT';
    return {
      ...way,
      verdict,
      trail: verdict === 'ACCEPT' ? way.trail : [...way.trail, `${table} ${hook}: policy ${verdict}`],
    };
  });
}

interface Walk {
  readonly rules: RuleSet;
  readonly table: string;
  readonly node: Surroundings;
}

function walkChain(walk: Walk, chain: string, start: Way, depth: number): readonly Way[] {
  const ended: Way[] = [];
  let going: readonly Way[] = [start];
  for (const rule of depth > MAX_DEPTH ? [] : (walk.rules.get(`${walk.table} ${chain}`)?.rules ?? [])) {
    const next = going.flatMap((way) => walkRule(walk, chain, rule, way, depth));
    going = next.filter(({ verdict }) => verdict === undefined);
    ended.push(...next.filter(({ verdict }) => verdict !== undefined));
    if (going.length === 0) break;
  }
  return [...ended, ...going];
}

function walkRule(walk: Walk, chain: string, rule: TracedRule, way: Way, depth: number): readonly Way[] {
  const probability = likelihood(rule, way.packet, walk.node);
  if (probability === undefined)
    return [{ ...way, trail: [...way.trail, `${walk.table} ${chain}: not understood and passed over: ${rule.text}`] }];
  const missed = { ...way, probability: way.probability * (1 - probability) };
  const taken = { ...way, probability: way.probability * probability, trail: [...way.trail, tell(walk, chain, rule)] };
  return [...(probability > 0 ? applyTarget(walk, rule, taken, depth) : []), ...(probability < 1 ? [missed] : [])];
}

/** `nat KUBE-SERVICES "lab/web:http cluster IP": goes to KUBE-SVC-…` */
function tell({ table }: Walk, chain: string, { options }: TracedRule): string {
  const comment = valueOf(options, '--comment');
  const share = valueOf(options, '--probability');
  const remark = comment === undefined ? '' : ` "${comment}"`;
  const chance =
    share === undefined ? '' : `, by chance (${(Number(share) * 100).toFixed(0)} % of those that come here)`;
  return `${table} ${chain}${remark}: ${tellTarget(options)}${chance}`;
}

const deeds: Readonly<Record<string, string>> = {
  ACCEPT: 'accepted',
  DROP: 'dropped',
  REJECT: 'rejected',
  RETURN: 'returns',
  MARK: 'marked',
  MASQUERADE: 'masqueraded',
  SNAT: 'masqueraded',
};

function tellTarget(options: readonly RuleOption[]): string {
  const target = targetOf(options);
  if (target === undefined) return 'nothing is done';
  if (target === 'DNAT') return `translated to ${valueOf(options, '--to-destination') ?? 'nothing'}`;
  return deeds[target] ?? `goes to ${target}`;
}

function targetOf(options: readonly RuleOption[]): string | undefined {
  return valueOf(options, '-j') ?? valueOf(options, '-g');
}

function valueOf(options: readonly RuleOption[], wanted: string): string | undefined {
  return options.find(({ name }) => name === wanted)?.values[0];
}

function applyTarget(walk: Walk, { options }: TracedRule, way: Way, depth: number): readonly Way[] {
  const target = targetOf(options);
  switch (target) {
    case undefined:
    case 'LOG':
      return [way];
    case 'ACCEPT':
    case 'DROP':
    case 'REJECT':
    case 'RETURN':
      return [{ ...way, verdict: target }];
    case 'MARK':
      return [{ ...way, packet: { ...way.packet, mark: setMark(way.packet.mark, options) } }];
    case 'MASQUERADE':
    case 'SNAT':
      return [{ ...way, isMasqueraded: true, verdict: 'ACCEPT' }];
    case 'DNAT':
      return [{ ...way, packet: translate(way.packet, valueOf(options, '--to-destination') ?? ''), verdict: 'ACCEPT' }];
    default:
      return call(
        walk,
        target,
        way,
        depth,
        options.some(({ name }) => name === '-g'),
      );
  }
}

/** What returns from a chain goes on behind the jump; what was sent by `-g` returns to where its chain was called. */
function call(walk: Walk, chain: string, way: Way, depth: number, isGoto: boolean): readonly Way[] {
  return walkChain(walk, chain, way, depth + 1).map((each) => {
    if (each.verdict !== undefined && each.verdict !== 'RETURN') return each;
    return { ...each, verdict: isGoto ? 'RETURN' : undefined };
  });
}

function setMark(mark: number, options: readonly RuleOption[]): number {
  const [bits, mask = bits] = (
    valueOf(options, '--set-xmark') ??
    asXmark(valueOf(options, '--or-mark'), (value) => value) ??
    asXmark(valueOf(options, '--xor-mark'), () => '0') ??
    '0/0'
  ).split('/');
  return Number((BigInt(mark) & ~BigInt(mask ?? 0) & 0xffffffffn) ^ BigInt(bits ?? 0));
}

/** `--or-mark X` is `--set-xmark X/X`, `--xor-mark X` is `--set-xmark X/0`. */
function asXmark(value: string | undefined, mask: (value: string) => string): string | undefined {
  return value === undefined ? undefined : `${value}/${mask(value)}`;
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`, or an address alone, which keeps the port. */
function translate(packet: PacketState, to: string): PacketState {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(to) ?? [];
  return {
    ...packet,
    destination: bracketed ?? plain ?? packet.destination,
    port: port === undefined ? packet.port : Number(port),
    isTranslated: true,
  };
}
