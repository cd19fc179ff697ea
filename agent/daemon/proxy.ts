import { exec, messageOf } from '../../cni/index.ts';
import { createProxy, type ModeChoice, type PlanChanges, type Proxy } from '../../proxy/index.ts';
import { nodeLabels } from '../admission/node-labels.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/index.ts';
import { untilAborted } from '../until-aborted.ts';
import type { Foundation } from './foundation.ts';

/** The proxy of this node. It begins when there is something to proxy: a host without Services keeps its firewall as it is. */
export interface NodeProxy {
  /** @param changes folded in; the first ones begin the proxy */
  update(changes: PlanChanges): void;
  /** What an earlier daemon wrote for Services may have to go. */
  begin(): void;
  /** All pods are known again: endpoints are what they really are. */
  synced(): void;
  readonly proxy: Proxy;
  /** How it works, or why it does not; undefined before it began. */
  outcome(): ModeChoice | { readonly mode: undefined; readonly reason: string } | undefined;
  run(signal: AbortSignal): Promise<void>;
}

export function createNodeProxy(base: Foundation): NodeProxy {
  const proxy = openProxy(base);
  base.addresses.subscribe((addresses) => proxy.updateNode({ addresses }));
  let outcome: ReturnType<NodeProxy['outcome']>;
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  if (base.config.kubeProxy !== undefined) begin();
  return {
    proxy,
    begin,
    outcome: () => outcome,
    synced: () => proxy.synced(),
    update: (changes) => {
      proxy.update(changes);
      begin();
    },
    run: async (signal) => {
      await Promise.race([begun, untilAborted(signal)]);
      if (signal.aborted) return;
      try {
        outcome = await proxy.start(signal);
      } catch (error) {
        if (signal.aborted) return;
        outcome = { mode: undefined, reason: messageOf(error) };
        // Pods run without Services: the node is not worth less for it.
        base.log.error({ err: error }, 'Services do not work on this node');
        return;
      }
      await proxy.ended();
    },
  };
}

function openProxy({ config, addresses, log }: Foundation): Proxy {
  const own: Partial<NonNullable<Config['kubeProxy']>> = config.kubeProxy ?? {};
  const { mode, periods, rules } = proxySettings(config);
  return createProxy({
    ...{ exec, log, mode, clock: systemClock, ...periods },
    nodeName: config.nodeName,
    nodeLabels: nodeLabels(config.nodeName, process.arch, config.nodeLabels),
    nodeAddresses: addresses.current(),
    config: {
      detectLocalMode: own.detectLocalMode || 'ClusterCIDR',
      // A node that stands alone has all the pods that there are.
      clusterCidrs: own.clusterCIDR
        ? own.clusterCIDR.split(',')
        : config.kubeconfig === undefined
          ? config.podCidrs
          : [],
      podCidrs: config.podCidrs,
      bridgeInterface: own.detectLocal?.bridgeInterface ?? '',
      interfaceNamePrefix: own.detectLocal?.interfaceNamePrefix ?? '',
      nodePortAddresses: own.nodePortAddresses ?? [],
      ...rules,
    },
    ipvs: { scheduler: own.ipvs?.scheduler || 'rr', strictArp: own.ipvs?.strictARP ?? false },
    healthzAddress: own.healthzBindAddress ?? '127.0.0.1:10256',
    metricsAddress: own.metricsBindAddress ?? '127.0.0.1:10249',
  });
}

const defaultSyncPeriodMs = 30_000;
const defaultMinSyncPeriodMs = 1_000;
const defaultMasqueradeBit = 14;

interface ModeSettings {
  readonly mode: Config['proxyMode'];
  readonly periods: { readonly syncPeriodMs: number; readonly minSyncPeriodMs: number };
  readonly rules: {
    readonly masqueradeAll: boolean;
    readonly masqueradeBit: number;
    readonly localhostNodePorts: boolean;
  };
}

/** Each mode has its own part of the KubeProxyConfiguration; `auto` goes by that of nftables, which it prefers. */
function proxySettings({ kubeProxy, proxyMode }: Config): ModeSettings {
  const part = kubeProxy?.[proxyMode === 'auto' ? 'nftables' : proxyMode];
  const bits = kubeProxy?.[proxyMode === 'nftables' || proxyMode === 'auto' ? 'nftables' : 'iptables'];
  return {
    mode: proxyMode,
    periods: {
      syncPeriodMs: part?.syncPeriod || defaultSyncPeriodMs,
      minSyncPeriodMs: part?.minSyncPeriod || defaultMinSyncPeriodMs,
    },
    rules: {
      masqueradeAll: part?.masqueradeAll ?? false,
      masqueradeBit: bits?.masqueradeBit ?? defaultMasqueradeBit,
      localhostNodePorts: kubeProxy?.iptables?.localhostNodePorts ?? false,
    },
  };
}
