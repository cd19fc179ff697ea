/*
 * Rules of the pod networks as a whole, one set an address family:
 *
 *   filter FORWARD -> PODWRIGHT-FORWARD      first rule: Docker sets the policy of FORWARD to DROP (moby#39439)
 *          PODWRIGHT-FORWARD: of each network -s <pods> ACCEPT, -d <pods> ACCEPT
 *   nat    POSTROUTING -s <pods> -> PODWRIGHT-NET-<hash of the network>
 *          PODWRIGHT-NET-<hash>: -d <pods> ACCEPT, -d <pods of other nodes> ACCEPT, ! -d <multicast> MASQUERADE
 *
 * The own chains are emptied and filled in one transaction, so that another CIDR leaves nothing stale; a chain of a network
 * that is no more goes with its jumps. The jumps are the only rules in chains of others: they are added when they are
 * missing. Names that begin with `CNI-` are those of the reference plugins, which may be at work beside this daemon.
 */

import { createHash } from 'node:crypto';

const forwardChain = 'PODWRIGHT-FORWARD';
const networkPrefix = 'PODWRIGHT-NET-';

/** Chain of one network in the nat table: 28 characters, the most that a chain's name may have. */
function networkChain(network: string): string {
  return networkPrefix + createHash('sha256').update(network).digest('hex').slice(0, 14);
}

export interface NetworkRules {
  readonly network: string;
  /** Networks of the pods; {@link renderForwarding} takes those of one address family. */
  readonly cidrs: readonly string[];
  /** Traffic of pods that leaves the pod networks gets the host's address. */
  readonly masquerade: boolean;
  /** Networks that see the pods' own addresses all the same: pods of other nodes. */
  readonly unmasqueraded?: readonly string[];
}

const multicast = (cidr: string): string => (cidr.includes(':') ? 'ff00::/8' : '224.0.0.0/4');
const comment = (network: string): string => `-m comment --comment "podwright network ${network}"`;

/** Rules by own chain, and the jumps to them, each as `iptables-save` prints it but for the comment. */
interface Wanted {
  readonly filter: ReadonlyMap<string, readonly string[]>;
  readonly nat: ReadonlyMap<string, readonly string[]>;
  readonly filterJumps: readonly string[];
  readonly natJumps: readonly string[];
}

function wanted(networks: readonly NetworkRules[]): Wanted {
  const masqueraded = networks.filter(({ masquerade }) => masquerade);
  return {
    filter: new Map([[forwardChain, networks.flatMap(forwardRules)]]),
    filterJumps: [`FORWARD -m comment --comment "podwright forwarding" -j ${forwardChain}`],
    nat: new Map(masqueraded.map((network) => [networkChain(network.network), masqueradeRules(network)])),
    natJumps: masqueraded.flatMap(({ network, cidrs }) =>
      cidrs.map((cidr) => `POSTROUTING -s ${cidr} ${comment(network)} -j ${networkChain(network)}`),
    ),
  };
}

function forwardRules({ network, cidrs }: NetworkRules): string[] {
  return cidrs.flatMap((cidr) =>
    ['-s', '-d'].map((side) => `-A ${forwardChain} ${side} ${cidr} ${comment(network)} -j ACCEPT`),
  );
}

function masqueradeRules({ network, cidrs, unmasqueraded = [] }: NetworkRules): string[] {
  const add = `-A ${networkChain(network)}`;
  const note = comment(network);
  return [
    ...[...new Set([...cidrs, ...unmasqueraded])].map((cidr) => `${add} -d ${cidr} ${note} -j ACCEPT`),
    ...cidrs.slice(0, 1).map((cidr) => `${add} ! -d ${multicast(cidr)} ${note} -j MASQUERADE`),
  ];
}

/**
 * Input for `iptables-restore --noflush`; undefined when the kernel has all of it already.
 *
 * @param saved what `iptables-save` printed
 */
export function renderForwarding(networks: readonly NetworkRules[], saved: string): string | undefined {
  const want = wanted(networks);
  const lines = saved.split('\n').map((line) => line.trim());
  const have = new Set(lines.map(normalise));
  const missing = (jumps: readonly string[]): string[] => jumps.filter((jump) => !have.has(normalise(`-A ${jump}`)));
  const filterJumps = missing(want.filterJumps).map((jump) => jump.replace('FORWARD', '-I FORWARD 1'));
  const natJumps = [...staleJumps(lines, want), ...missing(want.natJumps).map((jump) => `-A ${jump}`)];
  const stale = staleChains(lines, want);
  const isFilled = [...want.filter, ...want.nat].every(([chain, rules]) => chainIs(lines, chain, rules));
  if (isFilled && filterJumps.length + natJumps.length + stale.length === 0) return undefined;
  return [
    ...['*filter', ...fill(want.filter), ...filterJumps, 'COMMIT'],
    ...['*nat', ...fill(want.nat), ...natJumps, ...stale.flatMap(remove), 'COMMIT', ''],
  ].join('\n');
}

function fill(chains: ReadonlyMap<string, readonly string[]>): string[] {
  return [...chains].flatMap(([chain, rules]) => [...emptied(chain), ...rules]);
}

const emptied = (chain: string): string[] => [`:${chain} - [0:0]`, `-F ${chain}`];
const remove = (chain: string): string[] => [...emptied(chain), `-X ${chain}`];

/** Jumps of a former CIDR or network. */
function staleJumps(lines: readonly string[], { natJumps }: Wanted): string[] {
  const keep = new Set(natJumps.map((jump) => normalise(`-A ${jump}`)));
  return lines
    .filter((line) => line.startsWith('-A ') && isNetworkChain(/ -j (\S+)$/.exec(line)?.[1]))
    .filter((line) => !keep.has(normalise(line)))
    .map((line) => line.replace(/^-A /, '-D '));
}

function staleChains(lines: readonly string[], { nat }: Wanted): string[] {
  const chains = lines.flatMap((line) => /^:(\S+) /.exec(line)?.[1] ?? []);
  return chains.filter((chain) => isNetworkChain(chain) && !nat.has(chain));
}

const isNetworkChain = (chain: string | undefined): boolean => chain?.startsWith(networkPrefix) === true;

function chainIs(lines: readonly string[], chain: string, rules: readonly string[]): boolean {
  const found = lines.filter((line) => line.startsWith(`-A ${chain} `)).map(normalise);
  const isThere = lines.some((line) => line.startsWith(`:${chain} `));
  return isThere && found.join('\n') === rules.map(normalise).join('\n');
}

/** One spelling for what this file writes and what `iptables-save` prints. */
function normalise(line: string): string {
  return line.replaceAll('"', '').replace(/\s+/g, ' ');
}
