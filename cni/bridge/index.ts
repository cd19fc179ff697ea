/*
 * INVARIANTS
 * - A lease lives at least as long as its link: an address is not given again while somebody still answers for it.
 * - Names follow from the attachment: a repeated ADD, DEL and GC find what a daemon that was killed left at any point.
 */

import { readdir } from 'node:fs/promises';
import { createHostLocal, type HostLocal } from '../ipam/host-local.ts';
import type { BuiltInPlugin, PluginDeps, PluginRequest } from '../plugin.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { CniIp, CniResult, PluginConfig } from '../spec/types.ts';
import { ExecFailure } from '../util/exec.ts';
import { type BridgeConfig, parseBridge, parseLinkName } from './config.ts';
import { hostLinkName } from './names.ts';
import { missingRoute, parseLinks, parsePod, podCommands, type PodFacts } from './observe.ts';
import { bridgeLink, isOwnLink, namespaceName, podLink, routesOf, suspectLinks, toResult } from './plan.ts';
import { type PodLink, renderBridge, renderHostSide, renderPodSide, toBatch } from './render.ts';

export interface BridgeDeps extends PluginDeps {
  /** Names of the links in the host's namespace. Default: of the namespace that the process is in. */
  readonly linkNames?: () => Promise<readonly string[]>;
}

/**
 * The bridge plugin with host-local IPAM. ADD costs two external processes, DEL one. Masquerade (`ipMasq`) and forwarding
 * belong to the network as a whole and are made true by `cni/forwarding`.
 */
export function createBridgePlugin(deps: BridgeDeps): BuiltInPlugin {
  return new BridgePlugin(deps);
}

/** What `ip` says when another process, or a parallel ADD, changed links between the look and the batch. */
const raced = /File exists|Cannot find device/;

class BridgePlugin implements BuiltInPlugin {
  readonly #deps: BridgeDeps;
  readonly #ipams = new Map<string, { readonly key: string; readonly ipam: HostLocal }>();
  /** Creation of a bridge under way: of many first ADDs one makes it and the others wait. */
  readonly #bridges = new Map<string, Promise<void>>();

  constructor(deps: BridgeDeps) {
    this.#deps = deps;
  }

  async add(request: PluginRequest, signal: AbortSignal): Promise<CniResult> {
    const config = parseBridge(request.config);
    const { containerId, ifName } = request;
    parseLinkName(ifName, 'ifName');
    namespaceName(request.netns);
    const ipam = this.#ipam(request.network, config);
    const allocation = await ipam.allocate(containerId, ifName);
    const routes = routesOf(config, allocation);
    try {
      const link = podLink(request, config, allocation);
      await this.#attach(config, link, allocation.ips, signal);
      await this.#ip(renderPodSide(link, allocation.ips, routes), signal, request.netns);
      return toResult(request, config, link, allocation, routes);
    } catch (error) {
      // Stopped half-way, it is left to DEL or GC: without a signal to wait by, nothing here may take its time.
      if (!signal.aborted) await this.#detach(request, ipam, signal).catch(() => undefined);
      throw failure(error, `bridge: cannot attach ${containerId} to ${config.bridge}`);
    }
  }

  async del(request: PluginRequest, signal: AbortSignal): Promise<void> {
    const ipam = this.#ipam(request.network, parseBridge(request.config));
    try {
      await this.#detach(request, ipam, signal);
    } catch (error) {
      throw failure(error, `bridge: cannot detach ${request.containerId}`);
    }
  }

  async check(request: PluginRequest, signal: AbortSignal): Promise<void> {
    const config = parseBridge(request.config);
    const { containerId, ifName, netns, prevResult } = request;
    namespaceName(netns);
    parseLinkName(ifName, 'ifName');
    const links = new Set(await this.#linkNames());
    for (const name of [config.bridge, hostLinkName(containerId, ifName)]) {
      if (!links.has(name)) throw new CniError(cniErrorCode.internal, `bridge: link ${name} is missing`);
    }
    const pod = await this.#look(netns ?? '', ifName, signal);
    const address = prevResult?.ips?.find((ip) => !pod.addresses.includes(ip.address))?.address;
    const what = address ?? missingRoute(prevResult?.routes ?? [], pod.routes)?.dst;
    if (what === undefined) return;
    const kind = address === undefined ? `the route to ${what}` : what;
    throw new CniError(cniErrorCode.internal, `bridge: ${kind} is missing on ${ifName} of ${containerId}`);
  }

  async gc(network: string, config: PluginConfig, valid: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const parsed = parseBridge(config);
    const ipam = this.#ipam(network, parsed);
    try {
      await this.#deleteLinks(await this.#staleLinks(parsed.bridge, valid, signal), signal);
      await ipam.gc(valid);
    } catch (error) {
      throw failure(error, `bridge: cannot reclaim what pods left in network ${network}`);
    }
  }

  async #staleLinks(bridge: string, valid: ReadonlySet<string>, signal: AbortSignal): Promise<readonly string[]> {
    const suspects = new Set(suspectLinks(await this.#linkNames(), valid));
    if (suspects.size === 0) return [];
    const { stdout } = await this.#deps.exec({ file: 'ip', args: ['-json', 'link', 'show', 'type', 'veth'] }, signal);
    return parseLinks(stdout)
      .filter((link) => suspects.has(link.name) && isOwnLink(link, bridge))
      .map(({ name }) => name);
  }

  async #detach({ containerId, ifName }: PluginRequest, ipam: HostLocal, signal: AbortSignal): Promise<void> {
    const name = hostLinkName(containerId, ifName);
    if ((await this.#linkNames()).includes(name)) await this.#deleteLinks([name], signal);
    await ipam.release(containerId, ifName);
  }

  async #attach(config: BridgeConfig, link: PodLink, ips: readonly CniIp[], signal: AbortSignal): Promise<void> {
    try {
      await this.#attachOnce(config, link, ips, signal);
    } catch (error) {
      if (!(error instanceof ExecFailure && raced.test(error.stderr))) throw error;
      await this.#attachOnce(config, link, ips, signal);
    }
  }

  /** The host's side, by one process. A link that a killed daemon left under the same name is replaced. */
  async #attachOnce(config: BridgeConfig, link: PodLink, ips: readonly CniIp[], signal: AbortSignal): Promise<void> {
    const links = await this.#linkNames();
    if (links.includes(link.hostName)) await this.#deleteLinks([link.hostName], signal);
    const attach = (create: boolean): Promise<void> =>
      this.#ip([...renderBridge(bridgeLink(config), create), ...renderHostSide(config.bridge, link, ips)], signal);
    const making = this.#bridges.get(config.bridge);
    if (making === undefined && !links.includes(config.bridge)) {
      await this.#makeBridge(config.bridge, () => attach(true));
      return;
    }
    await making?.catch(() => undefined);
    await attach(false);
  }

  async #makeBridge(name: string, make: () => Promise<void>): Promise<void> {
    const making = make();
    this.#bridges.set(name, making);
    try {
      await making;
    } finally {
      this.#bridges.delete(name);
    }
  }

  /** With `-force` a link that is gone already, as it should be, does not keep the others. */
  async #deleteLinks(names: readonly string[], signal: AbortSignal): Promise<void> {
    if (names.length === 0) return;
    try {
      const input = toBatch(names.map((name) => `link del dev ${name}`));
      await this.#deps.exec({ file: 'ip', args: ['-force', '-batch', '-'], input }, signal);
    } catch (error) {
      const left = error instanceof ExecFailure ? await this.#linkNames() : names;
      if (names.some((name) => left.includes(name))) throw error;
    }
  }

  async #ip(lines: readonly string[], signal: AbortSignal, netns?: string): Promise<void> {
    const enter = netns === undefined ? [] : ['nsenter', `--net=${netns}`];
    const [file, ...args] = [...enter, 'ip', '-batch', '-'];
    await this.#deps.exec({ file, args, input: toBatch(lines) }, signal);
  }

  async #look(netns: string, ifName: string, signal: AbortSignal): Promise<PodFacts> {
    const args = [`--net=${netns}`, 'ip', '-N', '-json', '-batch', '-'];
    try {
      const input = toBatch(podCommands(ifName));
      return parsePod((await this.#deps.exec({ file: 'nsenter', args, input }, signal)).stdout);
    } catch (error) {
      throw failure(error, `bridge: cannot read the addresses and routes of ${ifName} in ${netns}`);
    }
  }

  #linkNames(): Promise<readonly string[]> {
    return (this.#deps.linkNames ?? linksOfThisNamespace)();
  }

  /** One allocator a network; another one when its configuration has changed. */
  #ipam(network: string, config: BridgeConfig): HostLocal {
    const key = JSON.stringify(config.ipam, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    const known = this.#ipams.get(network);
    if (known?.key === key) return known.ipam;
    const ipam = createHostLocal(network, config.ipam, this.#deps.dataDir);
    this.#ipams.set(network, { key, ipam });
    return ipam;
  }
}

/** `/proc/sys/net` follows the network namespace of the task, `/sys/class/net` that of the mount. */
async function linksOfThisNamespace(): Promise<readonly string[]> {
  return readdir('/proc/sys/net/ipv4/conf');
}

function failure(error: unknown, what: string): unknown {
  if (!(error instanceof ExecFailure)) return error;
  const message = error.notFound
    ? `${error.file} is not installed: apt-get install iproute2 util-linux`
    : error.message;
  return new CniError(cniErrorCode.internal, `${what}: ${message}`, { details: error.stderr, cause: error });
}
