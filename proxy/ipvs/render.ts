/*
 * Changes as the input of the programs that make them. In the order in which they run:
 *
 *   ipset restore     sets and new entries: the rules name the sets, and the entries tell whose a virtual server is
 *   iptables-restore  chains (rules.ts)
 *   ipvsadm -R        virtual servers and real servers
 *   ip -batch         the link and its addresses: connections come to an address when its virtual server is there
 *   ipset restore     entries that go
 */

import type { Family } from '../types.ts';
import type { Change } from './diff.ts';
import { LINK, type SetKind, setName, SETS } from './names.ts';

/** Inputs of programs; empty for one that has nothing to do. */
export interface Inputs {
  readonly ipsetAdd: string;
  readonly ipvsadm: string;
  readonly ip: string;
  readonly ipsetDelete: string;
}

type Program = keyof Inputs;

export function renderChanges(changes: readonly Change[], family: Family): Inputs {
  const lines: Record<Program, string[]> = { ipsetAdd: [], ipvsadm: [], ip: [], ipsetDelete: [] };
  for (const change of changes) {
    const [program, line] = renderChange(change, family);
    lines[program].push(line, '\n');
  }
  return {
    ipsetAdd: lines.ipsetAdd.join(''),
    ipvsadm: lines.ipvsadm.join(''),
    ip: lines.ip.join(''),
    ipsetDelete: lines.ipsetDelete.join(''),
  };
}

/** The program that makes a change, and its line for it. */
function renderChange(change: Change, family: Family): readonly [Program, string] {
  switch (change.do) {
    case 'create-set':
      return [
        'ipsetAdd',
        `create ${setName(change.kind, family)} ${SETS[change.kind]} ${setOptions(change.kind, family)}`,
      ];
    case 'add-entry':
      return ['ipsetAdd', `add ${setName(change.kind, family)} ${change.entry}`];
    case 'delete-entry':
      return ['ipsetDelete', `del ${setName(change.kind, family)} ${change.entry}`];
    case 'create-link':
      return ['ip', `link add ${LINK} type dummy`];
    case 'add-address':
      return ['ip', `addr add ${change.address}/${hostPrefix(family)} dev ${LINK}${noDad(family)}`];
    case 'delete-address':
      return ['ip', `addr del ${change.address}/${hostPrefix(family)} dev ${LINK}`];
    case 'add-server':
      return ['ipvsadm', `-A ${change.service} ${change.options}`];
    case 'edit-server':
      return ['ipvsadm', `-E ${change.service} ${change.options}`];
    case 'delete-server':
      return ['ipvsadm', `-D ${change.service}`];
    case 'add-real':
      return ['ipvsadm', `-a ${change.service} -r ${change.real} -m -w ${change.weight}`];
    case 'edit-real':
      return ['ipvsadm', `-e ${change.service} -r ${change.real} -m -w ${change.weight}`];
    case 'delete-real':
      return ['ipvsadm', `-d ${change.service} -r ${change.real}`];
  }
}

/** As kube-proxy creates them (pkg/proxy/ipvs/ipset): a set that is there already must have the same. */
function setOptions(kind: SetKind, family: Family): string {
  if (SETS[kind] === 'bitmap:port') return 'range 0-65535';
  return `family ${family === 4 ? 'inet' : 'inet6'} hashsize 1024 maxelem 65536`;
}

const hostPrefix = (family: Family): number => (family === 4 ? 32 : 128);

/** Nobody else can have the address on this link. */
const noDad = (family: Family): string => (family === 4 ? '' : ' nodad');
