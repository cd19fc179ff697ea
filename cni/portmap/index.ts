import { join } from 'node:path';
import type { BuiltInPlugin, PluginDeps, PluginRequest } from '../plugin.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { CniResult, PluginConfig } from '../spec/types.ts';
import type { PortmapBackend, PortSet } from './backend.ts';
import { type Claims, createClaims } from './claims.ts';
import { forgetUdpFlows } from './conntrack.ts';
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

class PortmapPlugin implements BuiltInPlugin {
  readonly #deps: PluginDeps;
  readonly #backends = new Map<string, Promise<PortmapBackend>>();
  readonly #claims = new Map<string, Claims>();

  constructor(deps: PluginDeps) {
    this.#deps = deps;
  }

  async add(request: PluginRequest, signal: AbortSignal): Promise<CniResult> {
    const { prevResult, network, containerId, portMappings, config } = request;
    if (prevResult === undefined) {
      throw new CniError(cniErrorCode.invalidNetworkConfig, 'portmap: must stand behind a plugin that gives addresses');
    }
    if (portMappings.length === 0) return prevResult;
    const ports = planHostPorts(portMappings, prevResult);
    const before = await this.#claimsOf(network).claim(containerId, ports);
    try {
      await this.#routeLocalnet(prevResult, ports);
      await this.#apply(network, containerId, config, before, ports, signal);
    } catch (error) {
      await this.#undo(network, containerId, config, ports, signal);
      throw error;
    }
    await forgetUdpFlows(this.#deps.exec, ports, this.#deps.onWarning, signal);
    return prevResult;
  }

  /** What was claimed is what there may be rules for: the request itself need not know the ports. */
  async del({ network, containerId, config }: PluginRequest, signal: AbortSignal): Promise<void> {
    await this.#remove(network, containerId, config, signal);
  }

  async check(
    { network, containerId, config, portMappings, prevResult }: PluginRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const ports = planHostPorts(portMappings, prevResult);
    if (ports.length === 0) return;
    const backend = await this.#backend(config, signal);
    const [missing] = await backend.missing({ id: attachmentId(network, containerId), ports }, signal);
    if (missing === undefined) return;
    throw new CniError(cniErrorCode.internal, `portmap: the rule of host port ${describePort(missing)} is missing`);
  }

  async gc(network: string, config: PluginConfig, valid: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const containers = new Set([...valid].map((key) => key.slice(0, key.indexOf('/'))));
    for (const { containerId } of await this.#claimsOf(network).all()) {
      if (!containers.has(containerId)) await this.#remove(network, containerId, config, signal);
    }
    await this.#claimsOf(network).sweep();
    await this.#repair(network, config, signal);
  }

  async #remove(network: string, containerId: string, config: PluginConfig, signal: AbortSignal): Promise<void> {
    const claims = this.#claimsOf(network);
    const ports = await claims.get(containerId);
    if (ports.length > 0) {
      await this.#apply(network, containerId, config, ports, [], signal);
      await forgetUdpFlows(this.#deps.exec, ports, this.#deps.onWarning, signal);
    }
    await claims.release(containerId);
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

  async #undo(
    network: string,
    containerId: string,
    config: PluginConfig,
    ports: readonly HostPort[],
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return; // The claim stays, and with it the knowledge of what to remove.
    await this.#apply(network, containerId, config, ports, [], signal).catch(() => undefined);
    await this.#claimsOf(network).release(containerId);
  }

  /** Rules that a reload of the host's firewall took away come back. */
  async #repair(network: string, config: PluginConfig, signal: AbortSignal): Promise<void> {
    const [first] = await this.#claimsOf(network).all();
    if (first !== undefined) await this.#apply(network, first.containerId, config, first.ports, first.ports, signal);
  }

  async #apply(
    network: string,
    containerId: string,
    config: PluginConfig,
    before: readonly HostPort[],
    after: readonly HostPort[],
    signal: AbortSignal,
  ): Promise<void> {
    const id = attachmentId(network, containerId);
    const all = await this.#claimsOf(network).all();
    const others = all
      .filter((claim) => claim.containerId !== containerId)
      .map((claim): PortSet => ({ id: attachmentId(network, claim.containerId), ports: claim.ports }));
    const backend = await this.#backend(config, signal);
    await backend.apply({ before: { id, ports: before }, after: { id, ports: after }, others }, signal);
  }

  #claimsOf(network: string): Claims {
    let claims = this.#claims.get(network);
    if (claims === undefined) {
      claims = createClaims(join(this.#deps.dataDir, `${network}.hostports`));
      this.#claims.set(network, claims);
    }
    return claims;
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
