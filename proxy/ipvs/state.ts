import { SET_KINDS, type SetKind } from './names.ts';

/** A virtual server and the real servers that it sends connections to. */
export interface VirtualServer {
  /** How `ipvsadm` names it: `-t 192.0.2.10:80`. */
  readonly service: string;
  /** Its scheduler and persistence, as `ipvsadm -S` writes them: `-s rr -p 10800`. */
  readonly options: string;
  /** Weights by `ip:port`. A real server of weight 0 gets no new connections. */
  readonly reals: ReadonlyMap<string, number>;
}

/** What is in the kernel, or should be, for one address family. */
export interface IpvsState {
  /** By {@link VirtualServer.service}. */
  readonly servers: ReadonlyMap<string, VirtualServer>;
  /** Entries as `ipset save` writes them. A set that does not exist is not among them. */
  readonly sets: ReadonlyMap<SetKind, ReadonlySet<string>>;
  /** Addresses on the link; undefined when the link does not exist. */
  readonly addresses: ReadonlySet<string> | undefined;
}

/** Real servers that get no new connections any more and are deleted later: when they began, by virtual and real server. */
export type Draining = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** What every set of {@link SET_KINDS} holds. */
export function emptySets(): Map<SetKind, Set<string>> {
  return new Map(SET_KINDS.map((kind) => [kind, new Set<string>()]));
}
