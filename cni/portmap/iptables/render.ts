/*
 * Chains of podwright's own; those of the reference portmap plugin, `CNI-HOSTPORT-` and `CNI-DN-`, are left alone:
 *
 *   nat     PREROUTING, OUTPUT  to a local address -> PODWRIGHT-HOSTPORT-DNAT
 *           PODWRIGHT-HOSTPORT-DNAT     a jump per attachment and port -> PODWRIGHT-DN-<id>
 *           PODWRIGHT-DN-<id>           from the pod's subnet or from localhost: mark; then DNAT
 *           PODWRIGHT-HOSTPORT-SETMARK  sets the mark 0x2000
 *           POSTROUTING -> PODWRIGHT-HOSTPORT-MASQ  masquerades what is marked, so that answers come back
 *   filter  INPUT -> PODWRIGHT-LOOPBACK  IPv4, to or from 127.0.0.0/8, not by lo, of no connection known: DROP
 *
 * A pod's subnet is masqueraded because pods on one bridge answer one another without the host in between: the answer
 * would come from an address that was not asked.
 *
 * Host ports on 127.0.0.1 need `route_localnet` on the bridge, which would let a pod reach what listens on the host's
 * loopback only (CVE-2020-8558). The guard stands in filter, as not every kernel has the raw table; answers to the host's
 * own connections have been translated back to 127.0.0.1 there, and are told by their state.
 *
 * The shared chains are emptied and filled from all attachments in each transaction, so that none is there twice.
 */

import type { PortSet } from '../backend.ts';
import type { HostPort } from '../plan.ts';

const mark = '0x2000/0x2000';
const dnat = 'PODWRIGHT-HOSTPORT-DNAT';
const setMark = 'PODWRIGHT-HOSTPORT-SETMARK';
const masquerade = 'PODWRIGHT-HOSTPORT-MASQ';
const loopback = 'PODWRIGHT-LOOPBACK';
const chainOf = (id: string): string => `PODWRIGHT-DN-${id}`;

/** A rule in a chain that is not ours, as `iptables-save` prints it. */
interface Jump {
  readonly table: 'filter' | 'nat';
  readonly rule: string;
  /** Before what others accept: their rules would end the way through the chain. */
  readonly isFirst: boolean;
}

const jumps: readonly Jump[] = [
  { table: 'nat', isFirst: false, rule: `PREROUTING -m addrtype --dst-type LOCAL -j ${dnat}` },
  { table: 'nat', isFirst: false, rule: `OUTPUT -m addrtype --dst-type LOCAL -j ${dnat}` },
  {
    table: 'nat',
    isFirst: true,
    rule: `POSTROUTING -m comment --comment "podwright host ports" -j ${masquerade}`,
  },
];

const guard: Jump = { table: 'filter', isFirst: true, rule: `INPUT -j ${loopback}` };

const jumpsOf = (family: 4 | 6): readonly Jump[] => (family === 4 ? [...jumps, guard] : jumps);

/** Jumps that `iptables-save` does not show. */
export function missingJumps(family: 4 | 6, saved: string): readonly Jump[] {
  const lines = new Set(saved.split('\n').map((line) => line.trim()));
  return jumpsOf(family).filter(({ rule }) => !lines.has(`-A ${rule}`));
}

/**
 * Input for `iptables-restore --noflush` of one family.
 *
 * @param sets all host ports there are to be
 * @param gone IDs of attachments whose chains go, unless they are among the sets
 * @param missing jumps that are to be added
 */
export function renderChains(
  family: 4 | 6,
  sets: readonly PortSet[],
  gone: readonly string[],
  missing: readonly Jump[],
): string {
  const added = (table: Jump['table']): string[] => missing.filter((jump) => jump.table === table).map(renderJump);
  const own = sets.map((set) => ofFamily(set, family)).filter(({ ports }) => ports.length > 0);
  const left = gone.filter((id) => !own.some((set) => set.id === id)).map(chainOf);
  const chains = [dnat, setMark, masquerade, ...left, ...own.map(({ id }) => chainOf(id))];
  return [
    ...(family === 4 ? ['*filter', ...emptied(loopback), ...loopbackRules, ...added('filter'), 'COMMIT'] : []),
    '*nat',
    ...[...new Set(chains)].flatMap(emptied),
    `-A ${setMark} -j MARK --set-xmark ${mark}`,
    `-A ${masquerade} -m mark --mark ${mark} -j MASQUERADE`,
    ...own.flatMap(renderSet),
    ...added('nat'),
    ...left.map((chain) => `-X ${chain}`),
    'COMMIT',
    '',
  ].join('\n');
}

const renderJump = ({ rule, isFirst }: Jump): string => `${isFirst ? '-I' : '-A'} ${rule}`;
const emptied = (chain: string): string[] => [`:${chain} - [0:0]`, `-F ${chain}`];

const loopbackRules = ['-d', '-s'].map(
  (side) => `-A ${loopback} ! -i lo ${side} 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
);

function ofFamily({ id, ports }: PortSet, family: 4 | 6): PortSet {
  return { id, ports: ports.filter((port) => port.family === family) };
}

/** A port on one address before the same one on all, which would take its packets. */
function renderSet({ id, ports }: PortSet): string[] {
  const isOnAll = ({ hostIp }: HostPort): number => Number(hostIp === undefined);
  const sorted = [...ports].sort((a, b) => isOnAll(a) - isOnAll(b));
  return sorted.flatMap((port) => {
    const match = matchOf(port);
    const chain = chainOf(id);
    const sources = port.family === 6 ? [port.podNet] : [port.podNet, '127.0.0.1'];
    return [
      `-A ${dnat} ${match} -j ${chain}`,
      ...sources.map((source) => `-A ${chain} -s ${source} ${match} -j ${setMark}`),
      `-A ${chain} ${match} -j DNAT ${targetOf(port)}`,
    ];
  });
}

function matchOf({ hostIp, protocol, hostPort }: HostPort): string {
  return `${hostIp === undefined ? '' : `-d ${hostIp} `}-p ${protocol} --dport ${hostPort}`;
}

function targetOf({ family, podIp, containerPort }: HostPort): string {
  return `--to-destination ${family === 6 ? `[${podIp}]` : podIp}:${containerPort}`;
}

/** Whether `iptables-save` shows what leads to a host port: the jumps, and the DNAT rule. */
export function isShown(id: string, port: HostPort, saved: string): boolean {
  const chain = chainOf(id);
  const lines = saved.split('\n').map((line) => line.trim());
  const ofPort = lines.filter(
    (line) => line.includes(`--dport ${port.hostPort} `) && line.includes(`-p ${port.protocol} `),
  );
  return (
    missingJumps(port.family, saved).length === 0 &&
    ofPort.some((line) => line.startsWith(`-A ${dnat} `) && line.endsWith(`-j ${chain}`)) &&
    ofPort.some((line) => line.startsWith(`-A ${chain} `) && line.endsWith(targetOf(port)))
  );
}
