import { formatIp, parseIp } from '../../cni/index.ts';
import type { HeldContent } from '../held/content.ts';
import type { ProxySettings, ServicePortPlan } from '../types.ts';
import { tableOfPlan } from './render.ts';
import { serviceElements, serviceRules } from './service.ts';
import type { Action, Chain, Element } from './table.ts';

/** What one port has in the kernel: its chains, and its elements of the maps and sets. */
export function heldOfPort(plan: ServicePortPlan, settings: ProxySettings): HeldContent {
  return contentOf(serviceRules(plan, settings), serviceElements(plan));
}

/** What all ports stand on. */
export function heldOfAll(settings: ProxySettings): HeldContent {
  const { chains } = tableOfPlan({ settings, services: [] }, { serviceCidrs: [], marker: '' });
  return contentOf([...chains.values()], []);
}

function contentOf(chains: readonly Chain[], elements: readonly Element[]): HeldContent {
  return {
    names: chains.map(({ name }) => name),
    entries: [
      ...chains.flatMap(({ name, rules }) => rules.map(({ then }) => `${name}: ${describe(then)}`)),
      ...elements.map(({ in: container, key, verdict }) => elementText(container, key, verdict)),
    ],
  };
}

const elementText = (container: string, key: string, verdict: string | undefined): string =>
  `${container}: ${key}${verdict === undefined ? '' : ` -> ${verdict}`}`;

function describe(action: Action): string {
  switch (action.do) {
    case 'verdict':
      return action.verdict;
    case 'look-up':
      return `look up in ${action.map}`;
    case 'balance':
      return 'one of several';
    case 'mark':
      return 'mark';
    case 'masquerade':
      return 'masquerade';
    case 'dnat':
      return `dnat to ${action.ip} port ${action.port}`;
    case 'remember':
      return `remember in ${action.set}`;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

/** Reads what `nft -j list table` prints (libnftables-json(5)). What has another form is passed over. */
export function readHeldTable(json: string): HeldContent {
  const parsed: unknown = JSON.parse(json);
  const objects = (isFields(parsed) ? listOf(parsed['nftables']) : []).filter(isFields);
  return {
    names: objects.flatMap(({ chain }) => (isFields(chain) ? [textOf(chain['name'])] : [])),
    entries: objects.flatMap((object) => [
      ...ruleEntries(object['rule']),
      ...elementEntries(object['map']),
      ...elementEntries(object['set']),
    ]),
  };
}

function ruleEntries(rule: unknown): readonly string[] {
  if (!isFields(rule)) return [];
  const last = listOf(rule['expr']).filter(isFields).at(-1) ?? {};
  return [`${textOf(rule['chain'])}: ${statement(last)}`];
}

/** The statement that ends a rule, in the words of {@link describe}. */
function statement(expression: Fields): string {
  const [name = '', value] = Object.entries(expression)[0] ?? [];
  const fields = isFields(value) ? value : {};
  switch (name) {
    case 'jump':
    case 'goto':
      return `${name} ${textOf(fields['target'])}`;
    case 'vmap':
      return typeof fields['data'] === 'string' ? `look up in ${fields['data'].slice(1)}` : 'one of several';
    case 'mangle':
      return 'mark';
    case 'dnat':
      return `dnat to ${address(textOf(fields['addr']))} port ${textOf(fields['port'])}`;
    case 'set':
      return `remember in ${textOf(fields['set']).slice(1)}`;
    default:
      return name;
  }
}

function elementEntries(container: unknown): readonly string[] {
  if (!isFields(container)) return [];
  const name = textOf(container['name']);
  return listOf(container['elem']).map((element) => {
    const [key, verdict] = Array.isArray(element) ? (element as readonly unknown[]) : [element];
    return elementText(name, keyText(key), isFields(verdict) ? statement(verdict) : undefined);
  });
}

/** `{ "elem": { "val": key } }` where it has a comment; `{ "concat": [...] }` for several parts. */
function keyText(key: unknown): string {
  const { elem, concat } = isFields(key) ? key : {};
  if (isFields(elem)) return keyText(elem['val']);
  if (Array.isArray(concat)) return concat.map((part) => address(textOf(part))).join(' . ');
  return address(textOf(key));
}

/** In the form that rules of ours have. */
function address(text: string): string {
  const ip = parseIp(text);
  return ip === undefined ? text : formatIp(ip);
}
