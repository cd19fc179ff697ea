/*
 * Says what IPVS and the rules around it (rules.ts) would do with the first packet of a connection. The way is the kernel's
 * (Linux: `ip_vs_ops4`, net/netfilter/ipvs/ip_vs_core.c):
 *
 *   from elsewhere   nat PREROUTING, then for an address of the node or of a Service filter INPUT, the virtual server, filter
 *                    OUTPUT and nat POSTROUTING; else filter FORWARD and nat POSTROUTING
 *   from the node    mangle and nat OUTPUT, the virtual server, filter OUTPUT, nat POSTROUTING; filter INPUT too for what no
 *                    virtual server takes and stays on the node
 */

import { JUMPS, renderChains } from './rules.ts';
import { renderRestore } from '../iptables/restore.ts';
import type { Surroundings } from '../iptables/trace-match.ts';
import { parseRules, type RuleSet } from '../iptables/trace-rules.ts';
import { isStopped, startOf, summariseWays, toOutcome, tracedPacket } from '../iptables/trace.ts';
import type { TracedSets } from '../iptables/trace-set.ts';
import { walkHook, type Way } from '../iptables/trace-walk.ts';
import type { Packet, Trace, TraceNode } from '../trace/types.ts';
import type { ProxyPlan, Protocol } from '../types.ts';
import { formatSocket, PROTOCOL_OPTIONS, setName, SETS, type SetKind } from './names.ts';
import { desiredState, shareOfPort } from './plan.ts';
import type { IpvsState } from './state.ts';

interface Kernel {
  readonly rules: RuleSet;
  readonly state: IpvsState;
  readonly surroundings: Surroundings;
}

/** What a plan makes of a packet. Schedulers are not told apart: real servers take parts by their weights. */
export function traceIpvs(plan: ProxyPlan, packet: Packet, node: TraceNode): Trace {
  const kernel = kernelOf(plan, node);
  const { src, dst, sourceKind, protocol } = packet;
  // The node connects to an address that it has from that same address.
  const isOwn = sourceKind === 'node' && kernel.surroundings.localAddresses.includes(dst);
  const start = startOf(tracedPacket({ ...packet, src: isOwn ? dst : src }));
  const ways = sourceKind === 'node' ? sent(kernel, start, protocol) : received(kernel, start, protocol);
  return summariseWays(ways.map(toOutcome));
}

function kernelOf(plan: ProxyPlan, { localAddresses, remembered = [] }: TraceNode): Kernel {
  const { settings } = plan;
  const context = { settings, scheduler: 'rr', otherAddresses: new Set(localAddresses) } as const;
  const state = desiredState(plan, (port) => shareOfPort(port, context));
  const text = renderRestore({ shared: renderChains(plan), own: [], gone: [], jumps: JUMPS });
  return {
    rules: parseRules(text),
    state,
    surroundings: {
      localAddresses: [...localAddresses, ...(state.addresses ?? [])],
      remembered,
      sets: setsOf(state, plan),
    },
  };
}

function setsOf({ sets }: IpvsState, { settings: { family } }: ProxyPlan): TracedSets {
  const named = ([kind, entries]: readonly [SetKind, ReadonlySet<string>]) =>
    [setName(kind, family), { type: SETS[kind], entries }] as const;
  return new Map([...sets].map(named));
}

function received(kernel: Kernel, start: Way, protocol: Protocol): readonly Way[] {
  const routed = run(kernel, 'nat PREROUTING', [start]);
  return routed.flatMap((way) => {
    if (!isForNode(kernel, way)) return run(kernel, 'nat POSTROUTING', run(kernel, 'filter FORWARD', [way]));
    const scheduled = run(kernel, 'filter INPUT', [way]).flatMap((each) => schedule(kernel, each, protocol));
    return scheduled.flatMap((each) => (each.packet.isTranslated ? leave(kernel, each) : [each]));
  });
}

function sent(kernel: Kernel, start: Way, protocol: Protocol): readonly Way[] {
  const out = run(kernel, 'nat OUTPUT', run(kernel, 'mangle OUTPUT', [start]));
  return out
    .flatMap((way) => schedule(kernel, way, protocol))
    .flatMap((way) => {
      const gone = leave(kernel, way);
      return way.packet.isTranslated || !isForNode(kernel, way) ? gone : run(kernel, 'filter INPUT', gone);
    });
}

/** A packet that a virtual server took leaves as if the node had sent it. */
function leave(kernel: Kernel, way: Way): readonly Way[] {
  return run(kernel, 'nat POSTROUTING', run(kernel, 'filter OUTPUT', [way]));
}

/** @param hook table and chain: `nat OUTPUT` */
function run({ rules, surroundings }: Kernel, hook: string, ways: readonly Way[]): readonly Way[] {
  const [table = '', chain = ''] = hook.split(' ');
  return ways.flatMap((way) =>
    isStopped(way) ? [way] : walkHook(rules, table, chain, { ...way, verdict: undefined }, surroundings),
  );
}

function isForNode({ surroundings: { localAddresses } }: Kernel, { packet: { destination } }: Way): boolean {
  return localAddresses.includes(destination) || destination.startsWith('127.') || destination === '::1';
}

/** The virtual server of an address sends the packet to one of its real servers; without any, the client is told at once. */
function schedule({ state }: Kernel, way: Way, protocol: Protocol): readonly Way[] {
  const { destination: ip, port } = way.packet;
  const service = `${PROTOCOL_OPTIONS[protocol]} ${formatSocket(ip, port)}`;
  const server = state.servers.get(service);
  if (isStopped(way) || server === undefined) return [way];
  const tell = (what: string): readonly string[] => [...way.trail, `ipvs ${service}: ${what}`];
  const total = [...server.reals.values()].reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return [{ ...way, verdict: 'REJECT', trail: tell('rejected, it has no real server') }];
  return [...server.reals].map(([real, weight]) => ({
    ...way,
    probability: (way.probability * weight) / total,
    packet: { ...way.packet, ...readSocket(real), isTranslated: true, virtual: { ip, port } },
    trail: tell(`translated to ${real}`),
  }));
}

/** The inverse of {@link formatSocket}. */
function readSocket(real: string): { readonly destination: string; readonly port: number } {
  const [, destination = '', port = ''] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(real) ?? [];
  return { destination, port: Number(port) };
}
