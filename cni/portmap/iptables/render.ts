/*
 * Chains in the nat table, named as the reference portmap plugin names them:
 *
 *   PREROUTING, OUTPUT  to a local address -> CNI-HOSTPORT-DNAT
 *   CNI-HOSTPORT-DNAT   a jump per attachment and port -> CNI-DN-<id>
 *   CNI-DN-<id>         from the pod itself or from localhost: mark; then DNAT
 *   CNI-HOSTPORT-SETMARK  sets the mark 0x2000
 *   POSTROUTING -> CNI-HOSTPORT-MASQ  masquerades what is marked, so that answers come back
 *
 * The shared chains are emptied and filled from all attachments in each transaction, so that none is there twice.
 */

import type { PortChange, PortSet } from '../backend.ts';
import type { HostPort } from '../plan.ts';

const mark = '0x2000/0x2000';
const chainOf = (id: string): string => `CNI-DN-${id}`;

/** Rules in chains that are not ours; `-C`-like: to be added when `iptables-save` does not show them. */
const jumps = [
  'PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
  'OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
  'POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
] as const;

/** Input for `iptables-restore --noflush` of one family. */
export function renderChange(family: 4 | 6, { before, after, others }: PortChange, saved: string): string {
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
    ...jumps.filter((jump) => !saved.includes(`-A ${jump}`)).map((jump) => `-A ${jump}`),
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
    const sources = port.family === 6 ? [port.podIp] : [port.podIp, '127.0.0.1'];
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

/** Whether `iptables-save` shows the DNAT rule of a host port. */
export function isShown(id: string, port: HostPort, saved: string): boolean {
  const target = `--to-destination ${port.family === 6 ? `[${port.podIp}]` : port.podIp}:${port.containerPort}`;
  return saved
    .split('\n')
    .some(
      (line) =>
        line.startsWith(`-A ${chainOf(id)} `) && line.includes(`--dport ${port.hostPort} `) && line.includes(target),
    );
}
