import type { Family } from '../types.ts';
import { LINK, SET_KINDS, type SetKind, setName } from './names.ts';
import type { VirtualServer } from './state.ts';

/** Reads the output of `ipvsadm -S -n`: the virtual servers of one family. Those that go by a firewall mark are left out. */
export function parseServers(text: string, family: Family): ReadonlyMap<string, VirtualServer> {
  const servers = new Map<string, VirtualServer & { readonly reals: Map<string, number> }>();
  for (const line of text.split('\n')) {
    const [, verb, service = '', rest = ''] = /^-([Aa]) ((?:-t|-u|--sctp-service) \S+) (.*)$/.exec(line) ?? [];
    if (verb === undefined || familyOf(service) !== family) continue;
    if (verb === 'A') servers.set(service, { service, options: rest.trim(), reals: new Map() });
    else {
      const [, real = '', weight = ''] = /^-r (\S+) .*-w (\d+)/.exec(rest) ?? [];
      servers.get(service)?.reals.set(real, Number(weight));
    }
  }
  return servers;
}

const familyOf = (service: string): Family => (service.includes('[') ? 6 : 4);

/** Reads the output of `ipset save`: the entries of our sets that exist. */
export function parseSets(text: string, family: Family): ReadonlyMap<SetKind, ReadonlySet<string>> {
  const kinds = new Map(SET_KINDS.map((kind) => [setName(kind, family), kind]));
  const sets = new Map<SetKind, Set<string>>();
  for (const line of text.split('\n')) {
    const [verb, name = '', entry = ''] = line.split(' ', 3);
    const kind = kinds.get(name);
    if (kind === undefined) continue;
    if (verb === 'create') sets.set(kind, new Set());
    else if (verb === 'add') sets.get(kind)?.add(entry);
  }
  return sets;
}

/** The addresses of this host, of one family. */
export interface HostAddresses {
  /** Undefined when the link is not there. */
  readonly onLink: ReadonlySet<string> | undefined;
  readonly elsewhere: ReadonlySet<string>;
  /** The link has addresses of the other family, too. */
  readonly isLinkShared: boolean;
}

/** Reads the output of `ip -j addr`. */
export function parseAddresses(text: string, family: Family): HostAddresses {
  const links = JSON.parse(text === '' ? '[]' : text) as readonly {
    readonly ifname?: string;
    readonly addr_info?: readonly { readonly family?: string; readonly local?: string; readonly scope?: string }[];
  }[];
  const addressesOf = (found: typeof links, of = family): Set<string> => {
    const infos = found.flatMap(({ addr_info }) => addr_info ?? []);
    const wanted = infos.filter((info) => info.family === (of === 4 ? 'inet' : 'inet6') && info.scope !== 'link');
    return new Set(wanted.flatMap(({ local }) => local ?? []));
  };
  const own = links.filter(({ ifname }) => ifname === LINK);
  return {
    onLink: own.length === 0 ? undefined : addressesOf(own),
    elsewhere: addressesOf(links.filter(({ ifname }) => ifname !== LINK)),
    isLinkShared: addressesOf(own, family === 4 ? 6 : 4).size > 0,
  };
}

const serviceOptions: Readonly<Record<string, string>> = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' };

/** Reads the output of `ipvsadm -L -n`: how many connections each real server has, active or not, by virtual server. */
export function parseConnections(text: string): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const servers = new Map<string, Map<string, number>>();
  let current: Map<string, number> | undefined;
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const [first = '', address = '', , , active = '', inactive = ''] = fields;
    const option = serviceOptions[first];
    if (option !== undefined) {
      current = new Map<string, number>();
      servers.set(`${option} ${address}`, current);
    }
    // The title of the columns begins with an arrow, too.
    else if (first === '->' && /^\d+$/.test(active)) current?.set(address, Number(active) + Number(inactive));
    else if (first === 'FWM') current = undefined;
  }
  return servers;
}
