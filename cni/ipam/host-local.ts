/*
 * INVARIANTS
 * - The files of the store are the truth. What is in memory says which addresses need not be tried, and where the lease
 *   of an attachment is likely to be; whether one is taken or given back is decided by its file.
 * - One request of an allocator runs at a time: a request is a few small files, about a millisecond.
 */

import { join } from 'node:path';
import { formatIp, type IpAddress, parseIp } from '../ip/cidr.ts';
import { attachmentKey } from '../plugin.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { CniIp, CniRoute } from '../spec/types.ts';
import { candidates, describe, rangeOf, toCniIp } from './plan.ts';
import type { HostLocalConfig, RangeSet } from './ranges.ts';
import { createLeaseStore, type Lease, type LeaseStore } from './store.ts';

/** Codes of this plugin's own (CNI specification section 5, "Error": 100 and above). */
export const ipamErrorCode = { exhausted: 100 } as const;

/** What an attachment got: an address from each range set. */
export interface Allocation {
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
}

/** IPAM of one network on this host, with leases as the reference host-local plugin keeps them. */
export interface HostLocal {
  /**
   * Gives an attachment its addresses; one that has some already gets the same.
   *
   * @throws CniError with `ipamErrorCode.exhausted` when a range set is used up, or `ioFailure`; what this request took is
   *   given back
   */
  allocate(containerId: string, ifName: string): Promise<Allocation>;
  /** Gives back all that an attachment holds; succeeds when that is nothing. */
  release(containerId: string, ifName: string): Promise<void>;
  /** Gives back what attachments other than `valid` hold (keys as of `attachmentKey`), and what a crash left half done. */
  gc(valid: ReadonlySet<string>): Promise<void>;
}

/** A file that is no lease may be one that another program is writing, for this long. */
const brokenGraceMs = 60_000;

/** Stands for the holder of an address that another process has, or whose file tells nothing. */
const unknownHolder = '';

type Holder = Omit<Lease, 'ip'>;

/** @param dataDir directory of all networks' leases, unless the configuration names one */
export function createHostLocal(network: string, config: HostLocalConfig, dataDir: string): HostLocal {
  return new Allocator(network, config, createLeaseStore(join(config.dataDir ?? dataDir, network)));
}

class Allocator implements HostLocal {
  readonly #network: string;
  readonly #config: HostLocalConfig;
  readonly #store: LeaseStore;
  #queue: Promise<unknown> = Promise.resolve();
  /** Attachment key by address; undefined until the leases were read. */
  #holders: Map<string, string> | undefined;
  readonly #last = new Map<number, IpAddress | undefined>();

  constructor(network: string, config: HostLocalConfig, store: LeaseStore) {
    this.#network = network;
    this.#config = config;
    this.#store = store;
  }

  allocate(containerId: string, ifName: string): Promise<Allocation> {
    return this.#serially(async () => ({
      ips: await this.#allocate({ containerId, ifName }),
      routes: this.#config.routes,
    }));
  }

  release(containerId: string, ifName: string): Promise<void> {
    const key = attachmentKey(containerId, ifName);
    return this.#serially(async () => {
      if ((await this.#releaseWhere((holder) => holder === key)) > 0) return;
      // What is in memory may be behind the disk when another process serves this network too.
      await this.#refresh();
      await this.#releaseWhere((holder) => holder === key);
    });
  }

  gc(valid: ReadonlySet<string>): Promise<void> {
    return this.#serially(async () => {
      await this.#refresh();
      await this.#releaseWhere((holder) => !valid.has(holder));
      await this.#store.removeBroken(brokenGraceMs);
    });
  }

  #serially<T>(task: () => Promise<T>): Promise<T> {
    const run = this.#queue.then(task);
    this.#queue = run.catch(() => undefined);
    return run;
  }

  async #allocate(holder: Holder): Promise<CniIp[]> {
    const ips: CniIp[] = [];
    const taken: Lease[] = [];
    try {
      for (const [index, set] of this.#config.rangeSets.entries()) {
        const held = await this.#held(set, holder);
        const lease = held ?? (await this.#takeFrom(set, index, holder));
        if (held === undefined) taken.push(lease);
        ips.push(...[rangeOf(set, lease.ip)].flatMap((range) => (range === undefined ? [] : toCniIp(lease.ip, range))));
      }
      return ips;
    } catch (error) {
      await Promise.allSettled(taken.map((lease) => this.#release(lease)));
      throw error;
    }
  }

  async #held(set: RangeSet, { containerId, ifName }: Holder): Promise<Lease | undefined> {
    const key = attachmentKey(containerId, ifName);
    for (const [ip, holder] of await this.#leases()) {
      if (holder !== key || rangeOf(set, ip) === undefined) continue;
      const lease = { ip, containerId, ifName };
      if (await this.#store.holds(lease)) return lease;
      this.#holders?.delete(ip);
    }
    return undefined;
  }

  async #takeFrom(set: RangeSet, index: number, holder: Holder): Promise<Lease> {
    const lease = await this.#take(set, index, holder);
    if (lease !== undefined) return lease;
    // Another process may have given addresses back.
    await this.#refresh();
    const late = await this.#take(set, index, holder);
    if (late !== undefined) return late;
    const message = `no IP addresses available in range set: ${describe(set)} (network ${this.#network})`;
    throw new CniError(ipamErrorCode.exhausted, message);
  }

  async #take(set: RangeSet, index: number, holder: Holder): Promise<Lease | undefined> {
    const holders = await this.#leases();
    for (const { ip } of candidates(set, await this.#lastOf(index))) {
      const lease = { ip: formatIp(ip), ...holder };
      if (holders.has(lease.ip)) continue;
      const taken = await this.#reserve(lease);
      holders.set(lease.ip, taken ? attachmentKey(holder.containerId, holder.ifName) : unknownHolder);
      if (!taken) continue;
      this.#last.set(index, ip);
      // A hint for after a restart only: the lease is whole without it.
      await this.#store.setLastReserved(index, lease.ip).catch(() => undefined);
      return lease;
    }
    return undefined;
  }

  async #reserve(lease: Lease): Promise<boolean> {
    try {
      return await this.#store.reserve(lease);
    } catch (error) {
      const reason = error instanceof Error ? error.message : '';
      const message = `cannot store the lease of ${lease.ip} (network ${this.#network}): ${reason}`;
      throw new CniError(cniErrorCode.ioFailure, message, { cause: error });
    }
  }

  /** @returns how many addresses were given back */
  async #releaseWhere(isStale: (holder: string) => boolean): Promise<number> {
    let released = 0;
    const stale = [...(await this.#leases())].filter(([, holder]) => holder !== unknownHolder && isStale(holder));
    for (const [ip, holder] of stale) {
      const slash = holder.indexOf('/');
      const lease = { ip, containerId: holder.slice(0, slash), ifName: holder.slice(slash + 1) };
      if (await this.#release(lease)) released += 1;
    }
    return released;
  }

  async #release(lease: Lease): Promise<boolean> {
    const released = await this.#store.release(lease);
    this.#holders?.delete(lease.ip);
    return released;
  }

  async #lastOf(index: number): Promise<IpAddress | undefined> {
    if (!this.#last.has(index)) this.#last.set(index, parseIp((await this.#store.lastReserved(index)) ?? ''));
    return this.#last.get(index);
  }

  async #leases(): Promise<Map<string, string>> {
    return this.#holders ?? this.#refresh();
  }

  async #refresh(): Promise<Map<string, string>> {
    const leases = await this.#store.list();
    this.#holders = new Map(leases.map(({ ip, containerId, ifName }) => [ip, attachmentKey(containerId, ifName)]));
    return this.#holders;
  }
}
