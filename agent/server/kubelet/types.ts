import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { ApiClient } from '../../api/types.ts';
import type { Pod } from '../../objects/types.ts';
import type { ContainerRuntime, ExecStreams } from '../../runtime/types.ts';
import type { CommandOptions, DialPort, StreamingLimits, UpgradeRequest } from '../streaming/index.ts';
import type { KubeletServerSettings } from './settings-plan.ts';

/** Who asks, as the API server's reviews know users. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Measurements of the node, made when they are asked for. */
export interface Metrics {
  /** Body of `/stats/summary`. */
  summary(onlyCpuAndMemory: boolean, signal: AbortSignal): Promise<object>;
  /** The Prometheus text of `/metrics` (`metrics`) or of `/metrics/<kind>`. */
  render(kind: MetricsKind, signal: AbortSignal): Promise<string>;
}

export type MetricsKind = 'metrics' | 'cadvisor' | 'resource' | 'probes';

/** The protocols that exec, attach and port-forward are upgraded to: SPDY and WebSocket. Both own the socket from then on. */
export interface Streaming {
  /** @param run resolves to the exit code */
  serveCommand(
    upgrade: UpgradeRequest,
    options: CommandOptions,
    run: (streams: ExecStreams, signal: AbortSignal) => Promise<number>,
    limits: StreamingLimits,
  ): Promise<void>;
  /** Serves connections to the ports of one pod until the client goes. */
  servePortForward(upgrade: UpgradeRequest, dial: DialPort, limits: StreamingLimits): Promise<void>;
}

/** Connects to ports inside pods. */
export interface PodDialer {
  /** A connection to `localhost:port` as the pod sees it. Either direction ends on its own. */
  dial(pod: Pod, port: number, signal: AbortSignal): Promise<Duplex>;
}

export interface KubeletServerDeps {
  readonly settings: KubeletServerSettings;
  readonly nodeName: string;
  /** Names and addresses, as they are now, in a certificate that the server makes for itself. */
  readonly hosts: () => readonly string[];
  /** Undefined: the node stands alone. */
  readonly api: ApiClient | undefined;
  readonly runtime: Pick<ContainerRuntime, 'containerLogs' | 'exec' | 'execSync' | 'attach' | 'listPods'>;
  /** Pods of this node with their status, from memory. */
  readonly pods: () => readonly Pod[];
  readonly metrics: Metrics;
  readonly streaming: Streaming;
  readonly dialer: PodDialer;
  /** Why pods are not looked after at the moment; undefined when they are. */
  readonly syncLoopProblem: () => string | undefined;
  /** The KubeletConfiguration in effect, for `/configz`. */
  readonly configz: () => object;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}
