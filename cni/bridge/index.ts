import { readdir } from 'node:fs/promises';
import { formatIp } from '../ip/cidr.ts';
import { createHostLocal, type Allocation, type HostLocal } from '../ipam/host-local.ts';
import { type BuiltInPlugin, type PluginDeps, type PluginRequest } from '../plugin.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { CniResult, CniRoute, PluginConfig } from '../spec/types.ts';
import { ExecFailure } from '../util/exec.ts';
import { type BridgeConfig, parseBridge } from './config.ts';
import { bridgeMac, hostLinkName, podMac, vethPrefix } from './names.ts';
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
    const netns = namespaceName(request.netns);
    const ipam = this.#ipam(request.network, config);
    const allocation = await ipam.allocate(containerId, ifName);
    const link: PodLink = {
      hostName: hostLinkName(containerId, ifName),
      ifName,
      mac: podMac(allocation.ips),
      mtu: config.mtu,
      hairpin: config.hairpinMode,
      netns,
    };
    const routes = routesOf(config, allocation);
    try {
      await this.#attach(config, link, signal);
      await this.#ip(renderPodSide(ifName, allocation.ips, routes), signal, request.netns);
    } catch (error) {
      if (!signal.aborted) await this.#remove(link.hostName, signal).catch(() => undefined);
      await ipam.release(containerId, ifName);
      throw failure(error, `bridge: cannot attach ${containerId} to ${config.bridge}`);
    }
    return toResult(request, config, link, allocation, routes);
  }

  async del(request: PluginRequest, signal: AbortSignal): Promise<void> {
    const config = parseBridge(request.config);
    const { containerId, ifName } = request;
    // The link goes first: an address must not be given again while somebody still answers for it.
    await this.#remove(hostLinkName(containerId, ifName), signal);
    await this.#ipam(request.network, config).release(containerId, ifName);
  }

  async check(request: PluginRequest, signal: AbortSignal): Promise<void> {
    const config = parseBridge(request.config);
    const links = new Set(await this.#linkNames());
    for (const name of [config.bridge, hostLinkName(request.containerId, request.ifName)]) {
      if (!links.has(name)) throw new CniError(cniErrorCode.internal, `bridge: link ${name} is missing`);
    }
    const args = [`--net=${request.netns ?? ''}`, 'ip', '-json', 'addr', 'show', 'dev', request.ifName];
    const { stdout } = await this.#deps.exec({ file: 'nsenter', args }, signal);
    const present = new Set(addressesIn(stdout));
    for (const { address } of request.prevResult?.ips ?? []) {
      if (present.has(address)) continue;
      throw new CniError(cniErrorCode.internal, `bridge: ${address} is missing on ${request.ifName}`);
    }
  }

  /** Links whose name is not that of a valid attachment, and leases whose holder is not one. */
  async gc(network: string, config: PluginConfig, valid: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const wanted = new Set([...valid].map(linkOfKey));
    const ours = new RegExp(`^${vethPrefix}[0-9a-f]{11}$`);
    const stale = (await this.#linkNames()).filter((name) => ours.test(name) && !wanted.has(name));
    if (stale.length > 0)
      await this.#ip(
        stale.map((name) => `link del dev ${name}`),
        signal,
        undefined,
        ['-force'],
      ).catch(ignoreGone);
    await this.#ipam(network, parseBridge(config)).gc(valid);
  }

  /** The host's side. A link that a killed daemon left under the same name is replaced. */
  async #attach(config: BridgeConfig, link: PodLink, signal: AbortSignal): Promise<void> {
    const lines = (create: boolean): string[] => [
      ...renderBridge({ ...bridgeLink(config), create }),
      ...renderHostSide(config.bridge, link),
    ];
    const links = await this.#linkNames();
    if (links.includes(link.hostName)) await this.#remove(link.hostName, signal);
    const making = this.#bridges.get(config.bridge);
    if (making !== undefined) await making.catch(() => undefined);
    else if (!links.includes(config.bridge)) {
      await this.#makeBridge(config, () => this.#ip(lines(true), signal));
      return;
    }
    await this.#ip(lines(false), signal);
  }

  async #makeBridge({ bridge }: BridgeConfig, make: () => Promise<void>): Promise<void> {
    const making = make();
    this.#bridges.set(bridge, making);
    try {
      await making;
    } finally {
      this.#bridges.delete(bridge);
    }
  }

  async #remove(hostName: string, signal: AbortSignal): Promise<void> {
    if (!(await this.#linkNames()).includes(hostName)) return;
    try {
      await this.#ip([`link del dev ${hostName}`], signal);
    } catch (error) {
      ignoreGone(error);
    }
  }

  async #ip(
    lines: readonly string[],
    signal: AbortSignal,
    netns?: string,
    options: readonly string[] = [],
  ): Promise<void> {
    const batch = ['ip', ...options, '-batch', '-'];
    const [file = '', ...args] = netns === undefined ? batch : ['nsenter', `--net=${netns}`, ...batch];
    await this.#deps.exec({ file, args, input: toBatch(lines) }, signal);
  }

  async #linkNames(): Promise<readonly string[]> {
    return (this.#deps.linkNames ?? linksOfThisNamespace)();
  }

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

function bridgeLink(config: BridgeConfig): { name: string; mac: string; mtu: number; addresses: string[] } {
  const gateways = config.ipam.rangeSets.flatMap((set) =>
    set.map(({ subnet, gateway }) => ({
      ip: formatIp({ family: subnet.family, value: gateway }),
      prefix: subnet.prefix,
    })),
  );
  return {
    name: config.bridge,
    mac: bridgeMac(gateways.map(({ ip }) => ip)),
    mtu: config.mtu,
    addresses: config.isGateway ? gateways.map(({ ip, prefix }) => `${ip}/${prefix}`) : [],
  };
}

/** Routes of the configuration through the gateway, and a default route where the bridge is to be the default gateway. */
function routesOf(config: BridgeConfig, { ips, routes }: Allocation): CniRoute[] {
  const gatewayFor = (dst: string): string | undefined =>
    ips.find(({ gateway }) => gateway?.includes(':') === dst.includes(':'))?.gateway;
  const defaults: CniRoute[] = config.isDefaultGateway
    ? ips.map(({ address }) => ({ dst: address.includes(':') ? '::/0' : '0.0.0.0/0' }))
    : [];
  const all: CniRoute[] = [...routes, ...defaults.filter(({ dst }) => !routes.some((route) => route.dst === dst))];
  return all.map((route) => {
    const gw = route.gw ?? gatewayFor(route.dst);
    return gw === undefined ? route : { ...route, gw };
  });
}

function toResult(
  request: PluginRequest,
  config: BridgeConfig,
  link: PodLink,
  { ips }: Allocation,
  routes: readonly CniRoute[],
): CniResult {
  return {
    cniVersion: request.cniVersion,
    interfaces: [
      { name: config.bridge, mac: bridgeLink(config).mac },
      { name: link.hostName },
      { name: link.ifName, mac: link.mac, sandbox: request.netns ?? '' },
    ],
    ips: ips.map((ip) => ({ ...ip, interface: 2 })),
    routes,
  };
}

/** What `ip link … netns` takes for a namespace's path: the process of `/proc/<pid>/ns/net`, or a name in `/run/netns`. */
function namespaceName(path: string | undefined): string {
  const [, pid, name] = /^(?:\/proc\/(\d+)\/ns\/net|\/(?:var\/)?run\/netns\/([^/\s]+))$/.exec(path ?? '') ?? [];
  const found = pid ?? name;
  if (found !== undefined) return found;
  throw new CniError(
    cniErrorCode.invalidEnvironment,
    `bridge: ${path ?? 'no namespace'} is not a path that ip(8) can name`,
  );
}

function linkOfKey(key: string): string {
  const slash = key.indexOf('/');
  return hostLinkName(key.slice(0, slash), key.slice(slash + 1));
}

function addressesIn(json: string): string[] {
  const links = JSON.parse(json) as { addr_info?: { local: string; prefixlen: number }[] }[];
  return links.flatMap(({ addr_info: infos = [] }) => infos.map(({ local, prefixlen }) => `${local}/${prefixlen}`));
}

/** A link that is gone already is as it should be. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof ExecFailure && error.stderr.includes('Cannot find device'))) throw error;
}

function failure(error: unknown, what: string): unknown {
  if (!(error instanceof ExecFailure)) return error;
  return new CniError(cniErrorCode.internal, `${what}: ${error.message}`, { details: error.stderr, cause: error });
}
