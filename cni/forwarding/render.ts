/*
 * Rules of a pod network as a whole, one set an address family:
 *
 *   filter FORWARD -> CNI-FORWARD            first rule: Docker sets the policy of FORWARD to DROP (moby#39439)
 *          CNI-FORWARD: -s <pods> ACCEPT, -d <pods> ACCEPT
 *   nat    POSTROUTING -s <pods> -> CNI-<hash of the network>
 *          CNI-<hash>: -d <pods> ACCEPT, ! -d <multicast> MASQUERADE
 *
 * The own chains are emptied and filled in one transaction, so that another CIDR leaves nothing stale. The jumps are the
 * only rules in chains of others: they are added when they are missing.
 */

import { createHash } from 'node:crypto';

const forwardChain = 'CNI-FORWARD';

/** Chain of one network in the nat table. */
function networkChain(network: string): string {
  return `CNI-${createHash('sha512').update(network).digest('hex').slice(0, 24)}`;
}

export interface ForwardingRules {
  readonly network: string;
  /** Networks of the pods, of one address family. */
  readonly cidrs: readonly string[];
  readonly masquerade: boolean;
}

const multicast = (cidr: string): string => (cidr.includes(':') ? 'ff00::/8' : '224.0.0.0/4');
const comment = (network: string): string => `-m comment --comment "podwright network ${network}"`;

/** Rules per own chain, and the jumps to them, each as `iptables-save` prints it but for the comment. */
interface Wanted {
  readonly filter: readonly string[];
  readonly nat: readonly string[];
  readonly filterJumps: readonly string[];
  readonly natJumps: readonly string[];
}

function wanted({ network, cidrs, masquerade }: ForwardingRules): Wanted {
  const chain = networkChain(network);
  const note = comment(network);
  return {
    filter: cidrs.flatMap((cidr) => [
      `-A ${forwardChain} -s ${cidr} ${note} -j ACCEPT`,
      `-A ${forwardChain} -d ${cidr} ${note} -j ACCEPT`,
    ]),
    filterJumps: [`FORWARD -m comment --comment "podwright forwarding" -j ${forwardChain}`],
    nat: masquerade
      ? [
          ...cidrs.map((cidr) => `-A ${chain} -d ${cidr} ${note} -j ACCEPT`),
          ...cidrs.slice(0, 1).map((cidr) => `-A ${chain} ! -d ${multicast(cidr)} ${note} -j MASQUERADE`),
        ]
      : [],
    natJumps: masquerade ? cidrs.map((cidr) => `POSTROUTING -s ${cidr} ${note} -j ${chain}`) : [],
  };
}

/**
 * Input for `iptables-restore --noflush`; undefined when the kernel has all of it already.
 *
 * @param saved what `iptables-save` printed
 */
export function renderForwarding(rules: ForwardingRules, saved: string): string | undefined {
  const want = wanted(rules);
  const chain = networkChain(rules.network);
  const have = new Set(saved.split('\n').map(normalise));
  const missing = (jumps: readonly string[]): string[] => jumps.filter((jump) => !have.has(normalise(`-A ${jump}`)));
  const stale = staleJumps(saved, chain, want.natJumps);
  const filterJumps = missing(want.filterJumps).map((jump) => jump.replace('FORWARD', '-I FORWARD 1'));
  const natJumps = missing(want.natJumps).map((jump) => `-A ${jump}`);
  const isFilled = chainIs(saved, forwardChain, want.filter) && chainIs(saved, chain, want.nat);
  if (isFilled && stale.length + filterJumps.length + natJumps.length === 0) return undefined;
  return [
    ...['*filter', `:${forwardChain} - [0:0]`, `-F ${forwardChain}`, ...want.filter, ...filterJumps, 'COMMIT'],
    ...['*nat', `:${chain} - [0:0]`, `-F ${chain}`, ...want.nat, ...stale, ...natJumps, 'COMMIT', ''],
  ].join('\n');
}

/** Jumps of a former CIDR. */
function staleJumps(saved: string, chain: string, wantedJumps: readonly string[]): string[] {
  const keep = new Set(wantedJumps.map((jump) => normalise(`-A ${jump}`)));
  return jumpsTo(saved, chain)
    .filter((line) => !keep.has(normalise(line)))
    .map(asDelete);
}

function jumpsTo(saved: string, chain: string): string[] {
  return saved.split('\n').filter((line) => line.startsWith('-A ') && line.trim().endsWith(`-j ${chain}`));
}

const asDelete = (line: string): string => line.replace(/^-A /, '-D ');

function chainIs(saved: string, chain: string, rules: readonly string[]): boolean {
  const lines = saved.split('\n');
  const found = lines.filter((line) => line.startsWith(`-A ${chain} `)).map(normalise);
  const isThere = lines.some((line) => line.startsWith(`:${chain} `));
  return isThere && found.join('\n') === rules.map(normalise).join('\n');
}

/** One spelling for what this file writes and what `iptables-save` prints. */
function normalise(line: string): string {
  return line.trim().replaceAll('"', '').replace(/\s+/g, ' ');
}
