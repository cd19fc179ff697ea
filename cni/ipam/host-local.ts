import { join } from 'node:path';
import { formatIp, type IpAddress, parseIp } from '../ip/cidr.ts';
import { attachmentKey } from '../plugin.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { CniIp, CniRoute } from '../spec/types.ts';
import { candidates, describe, type HostLocalConfig, type RangeSet } from './ranges.ts';
import { createLeaseStore, type LeaseStore } from './store.ts';

/** What an attachment got: an address from each range set. */
export interface Allocation {
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
}

/** A lease file without a holder may be one that is being written elsewhere, for this long. */
const unreadableGraceMs = 60_000;

/** IPAM of one network on this host. Its leases are on disk; what is in memory only saves reading them again. */
export interface HostLocal {
  /**
   * Gives an attachment its addresses; one that has some already gets the same.
   *
   * @throws CniError when a range set is used up; what was taken from the others is given back
   */
  allocate(containerId: string, ifName: string): Promise<Allocation>;
  release(containerId: string, ifName: string): Promise<void>;
  /** Gives back what attachments other than `valid` hold (keys as of `attachmentKey`). */
  gc(valid: ReadonlySet<string>): Promise<void>;
}

export function createHostLocal(network: string, config: HostLocalConfig, dataDir: string): HostLocal {
  return new Allocator(network, config, createLeaseStore(join(config.dataDir ?? dataDir, network)));
}

class Allocator implements HostLocal {
  readonly #network: string;
  readonly #config: HostLocalConfig;
  readonly #store: LeaseStore;
  /** Holder by address; undefined until the leases were read. */
  #holders: Map<string, string> | undefined;
  readonly #last = new Map<number, IpAddress | undefined>();

  constructor(network: string, config: HostLocalConfig, store: LeaseStore) {
    this.#network = network;
    this.#config = config;
    this.#store = store;
  }

  async allocate(containerId: string, ifName: string): Promise<Allocation> {
    const ips: CniIp[] = [];
    try {
      for (const [index, set] of this.#config.rangeSets.entries()) {
        ips.push(await this.#allocateFrom(set, index, containerId, ifName));
      }
    } catch (error) {
      await this.release(containerId, ifName);
      throw error;
    }
    return { ips, routes: this.#config.routes };
  }

  async release(containerId: string, ifName: string): Promise<void> {
    const key = attachmentKey(containerId, ifName);
    await this.#releaseWhere((holder) => holder === key);
  }

  async gc(valid: ReadonlySet<string>): Promise<void> {
    this.#holders = await this.#read();
    await this.#releaseWhere((holder) => !valid.has(holder));
    for (const name of await this.#store.unreadable(unreadableGraceMs)) await this.#store.release(name);
  }

  async #releaseWhere(isStale: (holder: string) => boolean): Promise<void> {
    const holders = await this.#leases();
    for (const [ip, holder] of [...holders]) {
      if (!isStale(holder)) continue;
      await this.#store.release(ip);
      holders.delete(ip);
    }
  }

  async #allocateFrom(set: RangeSet, index: number, containerId: string, ifName: string): Promise<CniIp> {
    const held = await this.#heldBy(set, attachmentKey(containerId, ifName));
    const taken =
      held ??
      (await this.#take(set, index, containerId, ifName)) ??
      (await this.#retry(set, index, containerId, ifName));
    if (taken === undefined) {
      const message = `no IP addresses available in range set: ${describe(set)} (network ${this.#network})`;
      throw new CniError(cniErrorCode.tryAgainLater, message);
    }
    return taken;
  }

  /** Another process may have given addresses back: look at the disk again before giving up. */
  async #retry(set: RangeSet, index: number, containerId: string, ifName: string): Promise<CniIp | undefined> {
    this.#holders = await this.#read();
    return this.#take(set, index, containerId, ifName);
  }

  async #take(set: RangeSet, index: number, containerId: string, ifName: string): Promise<CniIp | undefined> {
    const holders = await this.#leases();
    const key = attachmentKey(containerId, ifName);
    for (const { ip, range } of candidates(set, await this.#lastOf(index))) {
      const text = formatIp(ip);
      if (holders.has(text)) continue;
      // Marked before the disk is asked, so that no other ADD of this process tries the same address.
      holders.set(text, key);
      if (!(await this.#reserve(text, containerId, ifName))) continue;
      this.#last.set(index, ip);
      await this.#store.setLastReserved(index, text);
      return toCniIp(text, range.subnet.prefix, { family: ip.family, value: range.gateway });
    }
    return undefined;
  }

  async #reserve(ip: string, containerId: string, ifName: string): Promise<boolean> {
    try {
      return await this.#store.reserve({ ip, containerId, ifName });
    } catch (error) {
      this.#holders?.delete(ip);
      throw new CniError(cniErrorCode.ioFailure, `cannot store the lease of ${ip}`, { cause: error });
    }
  }

  async #heldBy(set: RangeSet, key: string): Promise<CniIp | undefined> {
    for (const [text, holder] of await this.#leases()) {
      const ip = holder === key ? parseIp(text) : undefined;
      const range = set.find(
        ({ subnet, start, end }) => subnet.family === ip?.family && ip.value >= start && ip.value <= end,
      );
      if (range !== undefined) {
        return toCniIp(text, range.subnet.prefix, { family: range.subnet.family, value: range.gateway });
      }
    }
    return undefined;
  }

  async #lastOf(index: number): Promise<IpAddress | undefined> {
    if (!this.#last.has(index)) this.#last.set(index, parseIp((await this.#store.lastReserved(index)) ?? ''));
    return this.#last.get(index);
  }

  async #leases(): Promise<Map<string, string>> {
    this.#holders ??= await this.#read();
    return this.#holders;
  }

  async #read(): Promise<Map<string, string>> {
    const leases = await this.#store.list();
    return new Map(leases.map(({ ip, containerId, ifName }) => [ip, attachmentKey(containerId, ifName)]));
  }
}

function toCniIp(ip: string, prefix: number, gateway: IpAddress): CniIp {
  return { address: `${ip}/${prefix}`, gateway: formatIp(gateway) };
}
