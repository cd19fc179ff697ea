import { formatNetwork, parseCidr } from '../../cni/index.ts';
import type { HeldContent } from '../held/content.ts';
import type { ProxySettings, ServicePortPlan } from '../types.ts';
import { listOwnChains, renderOwnChains } from './own-chains.ts';
import { renderPlan } from './render.ts';
import { renderSharedRules } from './shared-rules.ts';
import { parseRules, type RuleOption } from './trace-rules.ts';

/** What one port has in the kernel: its own chains, and what leads to them or refuses its traffic. */
export function heldOfPort(plan: ServicePortPlan, settings: ProxySettings): HeldContent {
  const own = renderOwnChains(plan, { settings, isLarge: true }).rules();
  const shared = renderSharedRules(plan);
  const nat = `${own}${shared.natServices}${shared.natNodePorts}`;
  const filter = `${shared.filterServices}${shared.filterExternal}${shared.filterNodePorts}${shared.filterFirewall}`;
  return { ...readHeldRules(`*nat\n${nat}*filter\n${filter}`), names: listOwnChains(plan) };
}

/** What all ports stand on: the chains that they share, and the jumps from the built-in chains. */
export function heldOfAll(settings: ProxySettings): HeldContent {
  return readHeldRules(renderPlan({ settings, services: [] }));
}

/** Reads the output of `iptables-save`. Names of chains that the tables nat and filter both have are told once. */
export function readHeldRules(saved: string): HeldContent {
  const rules = parseRules(saved);
  return {
    names: [...new Set(Array.from(rules.keys(), (key) => key.split(' ')[1] ?? ''))].filter(isOwnName),
    entries: [...rules].flatMap(([key, chain]) => {
      const [table = '', name = ''] = key.split(' ');
      const place = table === 'nat' ? name : `${name} (${table})`;
      return chain.rules.map(({ options }) => `${place}: ${describe(options)}`);
    }),
  };
}

const isOwnName = (name: string): boolean => name.startsWith('KUBE-');

/** Options that `iptables-save` shows as they were given, in the order of a description. */
const compared = ['-s', '-d', '-i', '-p', '--dport', '--src-type', '--dst-type', '-j', '--to-destination'];

function describe(options: readonly RuleOption[]): string {
  return compared
    .flatMap((name) => options.filter((option) => option.name === name))
    .map(({ name, isNegated, values }) => `${isNegated ? '! ' : ''}${name} ${values.map(plain).join(' ')}`)
    .join(' ');
}

/** `192.0.2.10` and `192.0.2.10/32` are the same. */
function plain(value: string): string {
  const cidr = parseCidr(value);
  return cidr === undefined ? value : formatNetwork(cidr).replace(/(\.\d+)\/32$|(:[^/]*)\/128$/, '$1$2');
}
