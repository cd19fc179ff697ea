/*
 * INVARIANTS
 * - Changes run one at a time: each writes what all attachments want, so that one made from an older view would take away
 *   another's rules, or bring back what was removed.
 * - What has rules in the kernel has a claim on disk.
 */

import { join } from 'node:path';
import type { BuiltInPlugin, PluginDeps, PluginRequest } from '../plugin.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { CniResult, PluginConfig } from '../spec/types.ts';
import type { PortmapBackend, PortSet } from './backend.ts';
import { type Claim, type Claims, createClaims } from './claims.ts';
import { createUdpFlowCleaner, type ForgetUdpFlows } from './conntrack.ts';
import { attemptAll } from '../util/attempt-all.ts';
import { ExecFailure } from '../util/exec.ts';
import { setSysctl } from '../util/sysctl.ts';
import { createIptablesBackend } from './iptables/backend.ts';
import { createNftablesBackend, nftablesWorks } from './nftables/backend.ts';
import { attachmentId, describePort, type HostPort, planHostPorts } from './plan.ts';

/**
 * The portmap plugin: host ports lead to the pod (capability `portMappings`). An attachment without host ports costs
 * nothing; one with them costs one external process, with the iptables backend one an address family. UDP ports cost a
 * `conntrack` more.
 */
export function createPortmapPlugin(deps: PluginDeps): BuiltInPlugin {
  return new PortmapPlugin(deps);
}

interface Replacement {
  readonly containerId: string;
  readonly network: string;
  readonly before: readonly HostPort[];
  readonly after: readonly HostPort[];
}

class PortmapPlugin implements BuiltInPlugin {
  readonly #deps: PluginDeps;
  readonly #claims: Claims;
  readonly #forgetUdpFlows: ForgetUdpFlows;
  readonly #backends = new Map<string, Promise<PortmapBackend>>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(deps: PluginDeps) {
    this.#deps = deps;
    this.#forgetUdpFlows = createUdpFlowCleaner(deps.exec, deps.onWarning);
    // No network can have this name, and so this directory for its leases.
    this.#claims = createClaims(join(deps.dataDir, '.hostports'));
  }

  /** What a failed ADD leaves is claimed: DEL or GC removes it. */
  async add(request: PluginRequest, signal: AbortSignal): Promise<CniResult> {
    const { prevResult, network, containerId, portMappings, config } = request;
    if (prevResult === undefined) {
      throw new CniError(cniErrorCode.invalidNetworkConfig, 'portmap: must stand behind a plugin that gives addresses');
    }
    if (portMappings.length === 0) return prevResult;
    const ports = planHostPorts(portMappings, prevResult);
    await this.#serially(async () => {
      const before = (await this.#claims.get(containerId))?.ports ?? [];
      await this.#claims.claim({ containerId, network, ports });
      await this.#apply({ containerId, network, before, after: ports }, config, signal);
      // Behind the rules: they keep pods from the host's loopback network.
      await this.#routeLocalnet(prevResult, ports);
    });
    await this.#forgetUdpFlows(ports, signal);
    return prevResult;
  }

  /** What was claimed is what there may be rules for: the request itself need not know the ports. */
  async del({ containerId, config }: PluginRequest, signal: AbortSignal): Promise<void> {
    await this.#remove(containerId, config, signal);
  }

  async check(
    { network, containerId, config, portMappings, prevResult }: PluginRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const ports = planHostPorts(portMappings, prevResult);
    if (ports.length === 0) return;
    const backend = await this.#backend(config, signal);
    const set = { id: attachmentId(network, containerId), ports };
    const [missing] = await backend.missing(set, signal).catch((error: unknown) => {
      throw failure(error, `portmap: cannot read the host ports of ${containerId}`);
    });
    if (missing === undefined) return;
    throw new CniError(cniErrorCode.internal, `portmap: the rule of host port ${describePort(missing)} is missing`);
  }

  async gc(_network: string, config: PluginConfig, valid: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const containers = new Set([...valid].map((key) => key.slice(0, key.indexOf('/'))));
    const stale = (await this.#claims.all()).filter(({ containerId }) => !containers.has(containerId));
    await attemptAll(stale, signal, ({ containerId }) => this.#remove(containerId, config, signal));
    await this.#claims.sweep();
    await this.#serially(() => this.#repair(config, signal));
  }

  async #remove(containerId: string, config: PluginConfig, signal: AbortSignal): Promise<void> {
    const ports = await this.#serially(async () => {
      const claim = await this.#claims.get(containerId);
      if (claim === undefined) return [];
      const { network, ports: before } = claim;
      if (before.length > 0) await this.#apply({ containerId, network, before, after: [] }, config, signal);
      await this.#claims.release(containerId);
      return before;
    });
    await this.#forgetUdpFlows(ports, signal);
  }

  /** Without it the kernel drops what comes from 127.0.0.1 and leaves through the bridge. */
  async #routeLocalnet({ interfaces = [] }: CniResult, ports: readonly HostPort[]): Promise<void> {
    const bridge = interfaces.find(({ sandbox }) => sandbox === undefined || sandbox === '')?.name;
    if (bridge === undefined || !ports.some(({ family }) => family === 4)) return;
    const set = this.#deps.setSysctl ?? setSysctl;
    await set(`net/ipv4/conf/${bridge}/route_localnet`, '1').catch((error: unknown) => {
      this.#deps.onWarning('host ports do not answer on 127.0.0.1', { err: error });
    });
  }

  /** Rules that a reload of the host's firewall took away come back, without host ports the guard of the loopback. */
  async #repair(config: PluginConfig, signal: AbortSignal): Promise<void> {
    const claims = await this.#claims.all();
    if (claims.length === 0 && this.#backends.size === 0) return;
    const backend = await this.#backend(config, signal);
    await backend.restore(claims.map(portSet), signal).catch((error: unknown) => {
      throw failure(error, 'portmap: cannot restore the host ports');
    });
  }

  /** Only inside of {@link #serially}: the other claims are part of the change. */
  async #apply({ containerId, network, before, after }: Replacement, config: PluginConfig, signal: AbortSignal) {
    const id = attachmentId(network, containerId);
    const claims = await this.#claims.all();
    const others = claims.filter((claim) => claim.containerId !== containerId).map(portSet);
    const backend = await this.#backend(config, signal);
    try {
      await backend.apply({ before: { id, ports: before }, after: { id, ports: after }, others }, signal);
    } catch (error) {
      throw failure(error, `portmap: cannot change the host ports of ${containerId}`);
    }
  }

  #serially<T>(task: () => Promise<T>): Promise<T> {
    const run = this.#queue.then(task);
    this.#queue = run.catch(() => undefined);
    return run;
  }

  async #backend({ backend }: PluginConfig, signal: AbortSignal): Promise<PortmapBackend> {
    const name = typeof backend === 'string' ? backend : 'auto';
    let chosen = this.#backends.get(name);
    if (chosen === undefined) {
      chosen = this.#choose(name, signal);
      this.#backends.set(name, chosen);
      chosen.catch(() => this.#backends.delete(name));
    }
    return chosen;
  }

  async #choose(name: string, signal: AbortSignal): Promise<PortmapBackend> {
    const { exec } = this.#deps;
    if (name === 'iptables') return createIptablesBackend(exec);
    if (name === 'nftables') return createNftablesBackend(exec);
    if (name !== 'auto') {
      throw new CniError(
        cniErrorCode.invalidNetworkConfig,
        `portmap: backend must be nftables or iptables, not ${name}`,
      );
    }
    return (await nftablesWorks(exec, signal)) ? createNftablesBackend(exec) : createIptablesBackend(exec);
  }
}

function portSet({ network, containerId, ports }: Claim): PortSet {
  return { id: attachmentId(network, containerId), ports };
}

function failure(error: unknown, what: string): unknown {
  if (!(error instanceof ExecFailure)) return error;
  const message = error.notFound ? `${error.file} is not installed: apt-get install nftables iptables` : error.message;
  return new CniError(cniErrorCode.internal, `${what}: ${message}`, { details: error.stderr, cause: error });
}
