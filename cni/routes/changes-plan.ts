import { isDeepStrictEqual } from 'node:util';
import type { LinkAddress, PeerRoute, Tunnel } from './types.ts';

/** What differs between two lists. */
export interface Difference<T> {
  readonly put: readonly T[];
  readonly drop: readonly T[];
}

export interface TunnelChange {
  /** The device goes, and with it all that is on it. */
  readonly remove: boolean;
  /** The device is made. */
  readonly create: Tunnel | undefined;
  /** The device is set up: made before, it may be that nobody came to it. */
  readonly up: boolean;
  readonly addresses: Difference<string>;
  readonly neighbours: Difference<Tunnel['neighbours'][number]>;
  readonly fdb: Difference<Tunnel['fdb'][number]>;
}

export interface RouteChanges {
  readonly routes: Difference<PeerRoute>;
  readonly tunnel: TunnelChange;
  readonly dropAddresses: readonly LinkAddress[];
}

interface State {
  readonly routes: readonly PeerRoute[];
  readonly tunnel: Tunnel | undefined;
}

/** What has to be done so that the kernel has what is wanted. A route that only changes is replaced, and never missing. */
export function planChanges(wanted: State & Pick<RouteChanges, 'dropAddresses'>, have: State): RouteChanges {
  const tunnel = planTunnel(wanted.tunnel, have.tunnel);
  // Routes go with their device.
  const kept = tunnel.remove ? have.routes.filter(({ onlink }) => !onlink) : have.routes;
  const routes = differ(wanted.routes, kept, ({ dst }) => dst);
  return { routes, tunnel, dropAddresses: wanted.dropAddresses };
}

const nothing: Pick<Tunnel, 'addresses' | 'neighbours' | 'fdb'> = { addresses: [], neighbours: [], fdb: [] };

function planTunnel(wanted: Tunnel | undefined, found: Tunnel | undefined): TunnelChange {
  const isSame = wanted !== undefined && found !== undefined && isSameDevice(wanted, found);
  const have = isSame ? found : nothing;
  const want = wanted ?? nothing;
  return {
    remove: found !== undefined && !isSame,
    create: isSame ? undefined : wanted,
    up: wanted !== undefined && !(isSame && found.isUp),
    addresses: differ(want.addresses, have.addresses, (address) => address),
    neighbours: differ(want.neighbours, have.neighbours, ({ ip }) => ip),
    fdb: differ(want.fdb, have.fdb, ({ mac, dst }) => `${mac} ${dst}`),
  };
}

function isSameDevice(a: Tunnel, b: Tunnel): boolean {
  return a.link === b.link && a.local === b.local && a.mac === b.mac && a.mtu === b.mtu;
}

/** @param key what a put replaces */
function differ<T>(wanted: readonly T[], have: readonly T[], key: (item: T) => string): Difference<T> {
  const keys = new Set(wanted.map(key));
  return {
    put: wanted.filter((item) => !have.some((one) => isDeepStrictEqual(one, item))),
    drop: have.filter((item) => !keys.has(key(item))),
  };
}
