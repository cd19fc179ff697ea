/*
 * Chains in the nat table, named as the reference portmap plugin names them:
 *
 *   PREROUTING, OUTPUT  to a local address -> CNI-HOSTPORT-DNAT
 *   CNI-HOSTPORT-DNAT   a jump per attachment and port -> CNI-DN-<id>
 *   CNI-DN-<id>         from the pod's subnet or from localhost: mark; then DNAT
 *   CNI-HOSTPORT-SETMARK  sets the mark 0x2000
 *   POSTROUTING -> CNI-HOSTPORT-MASQ  masquerades what is marked, so that answers come back
 *
 * A pod's subnet is masqueraded because pods on one bridge answer one another without the host in between: the answer
 * would come from an address that was not asked.
 *
 * The shared chains are emptied and filled from all attachments in each transaction, so that none is there twice.
 */

import type { PortChange, PortSet } from '../backend.ts';
import type { HostPort } from '../plan.ts';

const mark = '0x2000/0x2000';
const chainOf = (id: string): string => `CNI-DN-${id}`;

/** The only rules in chains that are not ours, as `iptables-save` prints them. */
const jumps = [
  'PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
  'OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
  'POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
] as const;

/** What adds the jumps that `iptables-save` does not show. The one for masquerade goes before the networks' own chains, which accept. */
export function missingJumps(saved: string): string[] {
  const lines = new Set(saved.split('\n').map((line) => line.trim()));
  return jumps
    .filter((jump) => !lines.has(`-A ${jump}`))
    .map((jump) => (jump.startsWith('POSTROUTING ') ? `-I ${jump}` : `-A ${jump}`));
}

/**
 * Input for `iptables-restore --noflush` of one family.
 *
 * @param missing jumps that are to be added
 */
export function renderChange(family: 4 | 6, { before, after, others }: PortChange, missing: readonly string[]): string {
  const sets = [...others, after].map((set) => ofFamily(set, family)).filter(({ ports }) => ports.length > 0);
  const isGone = !sets.some(({ id }) => id === before.id);
  const chains = [
    'CNI-HOSTPORT-DNAT',
    'CNI-HOSTPORT-SETMARK',
    'CNI-HOSTPORT-MASQ',
    chainOf(before.id),
    ...sets.map(({ id }) => chainOf(id)),
  ];
  return [
    '*nat',
    ...[...new Set(chains)].flatMap((chain) => [`:${chain} - [0:0]`, `-F ${chain}`]),
    `-A CNI-HOSTPORT-SETMARK -j MARK --set-xmark ${mark}`,
    `-A CNI-HOSTPORT-MASQ -m mark --mark ${mark} -j MASQUERADE`,
    ...sets.flatMap(renderSet),
    ...missing,
    ...(isGone ? [`-X ${chainOf(before.id)}`] : []),
    'COMMIT',
    '',
  ].join('\n');
}

function ofFamily({ id, ports }: PortSet, family: 4 | 6): PortSet {
  return { id, ports: ports.filter((port) => port.family === family) };
}

function renderSet({ id, ports }: PortSet): string[] {
  return ports.flatMap((port) => {
    const match = matchOf(port);
    const chain = chainOf(id);
    const podIp = port.family === 6 ? `[${port.podIp}]` : port.podIp;
    const sources = port.family === 6 ? [port.podNet] : [port.podNet, '127.0.0.1'];
    return [
      `-A CNI-HOSTPORT-DNAT ${match} -j ${chain}`,
      ...sources.map((source) => `-A ${chain} -s ${source} ${match} -j CNI-HOSTPORT-SETMARK`),
      `-A ${chain} ${match} -j DNAT --to-destination ${podIp}:${port.containerPort}`,
    ];
  });
}

function matchOf({ hostIp, protocol, hostPort }: HostPort): string {
  return `${hostIp === undefined ? '' : `-d ${hostIp} `}-p ${protocol} --dport ${hostPort}`;
}

/** Whether `iptables-save` shows what leads to a host port: the jumps, and the DNAT rule. */
export function isShown(id: string, port: HostPort, saved: string): boolean {
  const chain = chainOf(id);
  const target = `--to-destination ${port.family === 6 ? `[${port.podIp}]` : port.podIp}:${port.containerPort}`;
  const lines = saved.split('\n').map((line) => line.trim());
  const ofPort = lines.filter(
    (line) => line.includes(`--dport ${port.hostPort} `) && line.includes(`-p ${port.protocol} `),
  );
  return (
    missingJumps(saved).length === 0 &&
    ofPort.some((line) => line.startsWith('-A CNI-HOSTPORT-DNAT ') && line.endsWith(`-j ${chain}`)) &&
    ofPort.some((line) => line.startsWith(`-A ${chain} `) && line.endsWith(target))
  );
}
