import type { Family } from '../types.ts';
import { protocolName } from './names.ts';
import {
  type Action,
  type AffinitySet,
  type Chain,
  type ContainerName,
  containers,
  type Element,
  type MapName,
  type Match,
  type Rule,
} from './table.ts';

/** The language of `nft`, as version 1.0.6 (Debian 12) and later read it. */

const tableName = 'kube-proxy';

/** `ip kube-proxy` or `ip6 kube-proxy`: a table of one's own, so that no name in it needs a prefix. */
export const tableOf = (family: Family): string => `${header(family)} ${tableName}`;

const header = (family: Family): 'ip' | 'ip6' => (family === 4 ? 'ip' : 'ip6');

const addressType = (family: Family): string => (family === 4 ? 'ipv4_addr' : 'ipv6_addr');

/** Number of a mark as kube-proxy writes it: `0x00004000`. */
const hex = (mark: number): string => `0x${mark.toString(16).padStart(8, '0')}`;

function matchText(match: Match, family: Family): string {
  switch (match.on) {
    case 'address': {
      const [first = '', ...rest] = match.networks;
      const networks = rest.length === 0 ? first : `{ ${match.networks.join(', ')} }`;
      return `${header(family)} ${match.side} ${match.not ? '!= ' : ''}${networks}`;
    }
    case 'member':
      return `${header(family)} ${match.side} @${match.set}`;
    case 'port':
      return `${protocolName(match.protocol)} dport ${match.port}`;
    case 'local':
      return `fib ${match.side} type local`;
    case 'link':
      return `iifname ${match.not ? '!= ' : ''}"${match.name}"`;
    case 'new-connection':
      return 'ct state new';
    case 'unmarked':
      return `meta mark and ${hex(match.mark)} == 0`;
    case 'chance':
      return `numgen random mod ${match.outOf} 0`;
  }
}

function actionText(action: Action, family: Family): string {
  switch (action.do) {
    case 'verdict':
      return action.verdict;
    case 'look-up':
      return `${keyText(action.map, family)} vmap @${action.map}`;
    case 'balance':
      return `numgen random mod ${action.chains.length} vmap { ${balanceText(action.chains)} }`;
    case 'mark':
      return `meta mark set meta mark ${action.how} ${hex(action.mark)}`;
    case 'masquerade':
      return 'masquerade fully-random';
    case 'dnat':
      return `meta l4proto ${protocolName(action.protocol)} dnat to ${socketText(action, family)}`;
    case 'remember':
      return `update @${action.set} { ${header(family)} saddr }`;
  }
}

const keyText = (map: MapName, family: Family): string =>
  `${containers[map].key === 'port' ? '' : `${header(family)} daddr . `}meta l4proto . th dport`;

const balanceText = (chains: readonly string[]): string =>
  chains.map((chain, index) => `${index} : goto ${chain}`).join(', ');

const socketText = ({ ip, port }: { readonly ip: string; readonly port: number }, family: Family): string =>
  family === 4 ? `${ip}:${port}` : `[${ip}]:${port}`;

export function ruleText(rule: Rule, family: Family): string {
  const comment = rule.comment === undefined ? [] : [`comment "${rule.comment}"`];
  return [...rule.when.map((match) => matchText(match, family)), actionText(rule.then, family), ...comment].join(' ');
}

/** The block of a chain inside the block of the table; it adds the rules to those that the chain has. */
export function chainText({ name, hook, rules }: Chain, family: Family): string {
  const head = hook === undefined ? [] : [`type ${hook.type} hook ${hook.hook} priority ${hook.priority};`];
  return block(`chain ${name}`, [...head, ...rules.map((rule) => ruleText(rule, family))]);
}

/** A client that an affinity set holds, and for how many seconds still. */
export interface Client {
  readonly ip: string;
  readonly expiresSeconds: number;
}

/**
 * `dynamic` is said because the kernel adds it once a rule updates the set; adding the set again without it would be refused.
 */
export function affinitySetText(set: AffinitySet, family: Family, clients: readonly Client[] = []): string {
  return block(`set ${set.name}`, [
    `type ${addressType(family)}; flags dynamic,timeout; timeout ${set.timeoutSeconds}s;`,
    ...elementsLine(clients.map(({ ip, expiresSeconds }) => `${ip} expires ${expiresSeconds}s`)),
  ]);
}

const keyTypes = { address: '', 'address-port': ' . inet_proto . inet_service', port: 'inet_proto . inet_service' };

export function containerText(name: ContainerName, family: Family, elements: Iterable<Element>): string {
  const { kind, key, comment } = containers[name];
  const type = `${key === 'port' ? '' : addressType(family)}${keyTypes[key]}${kind === 'map' ? ' : verdict' : ''}`;
  return block(`${kind} ${name}`, [
    `type ${type}`,
    `comment "${comment}"`,
    ...elementsLine(Array.from(elements, elementText)),
  ]);
}

const elementsLine = (elements: readonly string[]): readonly string[] =>
  elements.length === 0 ? [] : [`elements = { ${elements.join(', ')} }`];

/** An element as it is added. It is deleted by its key alone. */
export function elementText({ key, verdict, comment }: Element): string {
  return `${key}${comment === undefined ? '' : ` comment "${comment}"`}${verdict === undefined ? '' : ` : ${verdict}`}`;
}

const block = (head: string, lines: readonly string[]): string =>
  `${head} {\n${lines.map((line) => `${line}\n`).join('')}}\n`;
