import { parseCidr, parseIp } from '../../cni/index.ts';
import type { RuleOption, TracedRule } from './trace-rules.ts';
import { isInSet, type TracedSets } from './trace-set.ts';

/** What rules may ask of a packet, as it is on its way. */
export interface PacketState {
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  /** In small letters: `tcp`. */
  readonly protocol: string;
  /** Empty for a packet of the node's own. */
  readonly inInterface: string;
  readonly ctState: string;
  readonly isTranslated: boolean;
  readonly mark: number;
  /** The virtual server of IPVS that took it; undefined for none. */
  readonly virtual?: { readonly ip: string; readonly port: number };
}

/** What rules may ask of the node. */
export interface Surroundings {
  /** Addresses of the node; those of the loopback count without being named. */
  readonly localAddresses: readonly string[];
  /** Names of lists of `-m recent` that have the source. */
  readonly remembered: readonly string[];
  /** IP sets by name; none by default. */
  readonly sets?: TracedSets;
}

/** How likely a rule takes a packet, 0 to 1; undefined when it asks for something that is not known. */
export function likelihood({ options }: TracedRule, packet: PacketState, node: Surroundings): number | undefined {
  let probability = 1;
  let isKnown = true;
  for (const option of options) {
    if (ignored.has(option.name)) continue;
    const found = tests[option.name]?.(option, packet, { node, options });
    if (found === undefined) isKnown = false;
    else probability *= option.isNegated ? 1 - Number(found) : Number(found);
    // Whatever the unknown asks, this packet is none of the rule's.
    if (probability === 0) return 0;
  }
  return isKnown ? probability : undefined;
}

interface Context {
  readonly node: Surroundings;
  readonly options: readonly RuleOption[];
}

type Test = (option: RuleOption, packet: PacketState, context: Context) => boolean | number | undefined;

const first = ({ values }: RuleOption): string => values[0] ?? '';

const tests: Readonly<Record<string, Test>> = {
  '-s': (option, { source }) => isWithin(source, first(option)),
  '-d': (option, { destination }) => isWithin(destination, first(option)),
  '-p': (option, { protocol }) => first(option) === protocol,
  '-i': (option, { inInterface }) => isInterface(inInterface, first(option)),
  '--dport': (option, { port }) => isPort(port, first(option)),
  '--mark': (option, { mark }) => hasMark(mark, first(option)),
  '--ctstate': (option, packet) => hasState(packet, first(option).split(',')),
  '--src-type': (option, { source }, { node }) => first(option) === 'LOCAL' && isLocal(source, node),
  '--dst-type': (option, { destination }, { node }) => first(option) === 'LOCAL' && isLocal(destination, node),
  '--probability': (option) => Number(first(option)),
  '--rcheck': (_option, _packet, { node, options }) => {
    const name = options.find((option) => option.name === '--name');
    return name !== undefined && node.remembered.includes(first(name));
  },
  '--set': () => true,
  '--match-set': ({ values: [name = '', directions = ''] }, packet, { node }) =>
    isInSet(node.sets?.get(name), directions, packet),
  // Which port of a bridge a packet came in by is known to no other rule, and decides nothing in those of kube-proxy.
  '--physdev-is-in': () => false,
  '--vaddr': (option, { virtual }) => virtual?.ip === first(option),
  '--vport': (option, { virtual }) => virtual?.port === Number(first(option)),
  '--vproto': (option, { virtual, protocol }) => virtual !== undefined && protocol === first(option),
};

/** Options that ask nothing by themselves, and the target with its own. */
const ignored = new Set([
  ...['-m', '--comment', '--mode', '--name', '--seconds', '--reap', '--rsource', '--mask', '-j', '-g'],
  ...['--to-destination', '--or-mark', '--xor-mark', '--set-xmark', '--random-fully', '--reject-with'],
]);

export function isWithin(text: string, network: string): boolean {
  const ip = parseIp(text);
  const cidr = parseCidr(network.includes('/') ? network : `${network}/${network.includes(':') ? 128 : 32}`);
  return ip?.family === cidr?.family && ip !== undefined && cidr !== undefined && isBetween(ip.value, cidr);
}

function isBetween(value: bigint, { first, last }: { readonly first: bigint; readonly last: bigint }): boolean {
  return first <= value && value <= last;
}

function isInterface(name: string, pattern: string): boolean {
  return pattern.endsWith('+') ? name !== '' && name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function isPort(port: number, range: string): boolean {
  const [low = '', high = low] = range.split(':');
  return Number(low) <= port && port <= Number(high);
}

function hasMark(mark: number, wanted: string): boolean {
  const [value = '', mask = '0xffffffff'] = wanted.split('/');
  return (BigInt(mark) & BigInt(mask)) === BigInt(value);
}

function hasState({ ctState, isTranslated }: PacketState, states: readonly string[]): boolean {
  return states.includes(ctState) || (isTranslated && states.includes('DNAT'));
}

function isLocal(text: string, { localAddresses }: Surroundings): boolean {
  return localAddresses.includes(text) || isWithin(text, text.includes(':') ? '::1/128' : '127.0.0.0/8');
}
