import type { SetKind } from './names.ts';
import type { Draining, IpvsState, VirtualServer } from './state.ts';

/** A step that brings one state to another. */
export type Change =
  | { readonly do: 'add-server' | 'edit-server'; readonly service: string; readonly options: string }
  | { readonly do: 'delete-server'; readonly service: string }
  | { readonly do: 'add-real' | 'edit-real'; readonly service: string; readonly real: string; readonly weight: number }
  | { readonly do: 'delete-real'; readonly service: string; readonly real: string }
  | { readonly do: 'create-set'; readonly kind: SetKind }
  | { readonly do: 'add-entry' | 'delete-entry'; readonly kind: SetKind; readonly entry: string }
  | { readonly do: 'create-link' }
  | { readonly do: 'add-address' | 'delete-address'; readonly address: string };

export interface Difference {
  readonly changes: readonly Change[];
  /** The real servers that drain when the changes are made. */
  readonly draining: Draining;
}

/**
 * What brings the kernel from one state to another. A real server that goes is not deleted, unless it is of UDP: it gets the weight
 * 0, so that its connections go on (`GracefulDeleteRS`, pkg/proxy/ipvs/graceful_termination.go).
 *
 * @param nowMs when real servers begin to drain that do not drain yet
 */
export function diffStates(have: IpvsState, want: IpvsState, draining: Draining, nowMs: number): Difference {
  const servers = diffServers(have.servers, want.servers, draining, nowMs);
  return {
    changes: [...diffSets(have.sets, want.sets), ...diffAddresses(have.addresses, want.addresses), ...servers.changes],
    draining: servers.draining,
  };
}

function diffSets(have: IpvsState['sets'], want: IpvsState['sets']): Change[] {
  const changes: Change[] = [];
  for (const [kind, entries] of want) {
    const old = have.get(kind);
    if (old === undefined) changes.push({ do: 'create-set', kind });
    for (const entry of entries) if (old?.has(entry) !== true) changes.push({ do: 'add-entry', kind, entry });
    for (const entry of old ?? []) if (!entries.has(entry)) changes.push({ do: 'delete-entry', kind, entry });
  }
  return changes;
}

function diffAddresses(have: IpvsState['addresses'], want: IpvsState['addresses']): Change[] {
  const changes: Change[] = [];
  if (have === undefined) changes.push({ do: 'create-link' });
  for (const address of want ?? []) if (have?.has(address) !== true) changes.push({ do: 'add-address', address });
  for (const address of have ?? []) if (want?.has(address) !== true) changes.push({ do: 'delete-address', address });
  return changes;
}

type Servers = IpvsState['servers'];

function diffServers(have: Servers, want: Servers, draining: Draining, nowMs: number): Difference {
  const changes: Change[] = [];
  const drains = new Map<string, ReadonlyMap<string, number>>();
  for (const server of want.values()) {
    const old = have.get(server.service);
    const since = draining.get(server.service);
    const still = old === server ? since : diffServer(old, server, since ?? new Map(), nowMs, changes);
    if (still !== undefined && still.size > 0) drains.set(server.service, still);
  }
  for (const { service } of have.values()) if (!want.has(service)) changes.push({ do: 'delete-server', service });
  return { changes, draining: drains };
}

/** Adds the changes of one virtual server. Returns its real servers that drain, and since when. */
function diffServer(
  old: VirtualServer | undefined,
  { service, options, reals }: VirtualServer,
  since: ReadonlyMap<string, number>,
  nowMs: number,
  changes: Change[],
): ReadonlyMap<string, number> {
  if (old === undefined) changes.push({ do: 'add-server', service, options });
  else if (old.options !== options) changes.push({ do: 'edit-server', service, options });
  const there = new Map([...(old?.reals ?? []), ...Array.from(since.keys(), (real) => [real, 0] as const)]);
  for (const [real, weight] of reals) {
    const had = there.get(real);
    if (had !== weight) changes.push({ do: had === undefined ? 'add-real' : 'edit-real', service, real, weight });
  }
  const still = new Map<string, number>();
  for (const [real, weight] of there) {
    if (reals.has(real)) continue;
    if (isUdp(service)) {
      changes.push({ do: 'delete-real', service, real });
      continue;
    }
    if (weight !== 0) changes.push({ do: 'edit-real', service, real, weight: 0 });
    still.set(real, since.get(real) ?? nowMs);
  }
  return still;
}

/** Packets of UDP would go to an endpoint that does not exist any more, for as long as the client sends them. */
const isUdp = (service: string): boolean => service.startsWith('-u ');
