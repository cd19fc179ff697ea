import type { ProxyClock } from '../clock.ts';
import type { Family } from '../types.ts';

/** Whether what the node's load balancing promises holds, by the rules of kube-proxy (pkg/proxy/healthcheck/proxy_health.go). */
export interface ProxyHealth {
  /** A change waits for a sync of a family. */
  queued(family: Family): void;
  /** A sync of a family has begun: what is queued from now on waits for the next one. */
  started(family: Family): void;
  /** The sync under way has brought the kernel to the plan; without this call it has failed. */
  updated(family: Family): void;
  /** @param eligible false when the node is being deleted, or removed by the cluster autoscaler */
  setNodeEligible(eligible: boolean): void;
  status(): HealthStatus;
}

/** Times are milliseconds since the epoch. */
export interface HealthStatus {
  /** No change has been waiting for longer than the timeout. Says nothing about the node. */
  readonly isHealthy: boolean;
  readonly isNodeEligible: boolean;
  /** The last sync; now, when it is healthy. */
  readonly lastUpdated: number;
  readonly now: number;
}

export interface ProxyHealthOptions {
  readonly clock: Pick<ProxyClock, 'now'>;
  /** Milliseconds that a change may wait. */
  readonly timeoutMs: number;
}

export function createProxyHealth({ clock, timeoutMs }: ProxyHealthOptions): ProxyHealth {
  /** Times of the oldest change that waits, and of the oldest that the sync under way is about. */
  const waiting = new Map<Family, number>();
  const underWay = new Map<Family, number>();
  const updatedAt = new Map<Family, number>();
  let isNodeEligible = true;

  return {
    queued: (family) => {
      if (!waiting.has(family)) waiting.set(family, clock.now());
    },
    started: (family) => {
      const since = underWay.get(family) ?? waiting.get(family);
      if (since !== undefined) underWay.set(family, since);
      waiting.delete(family);
    },
    updated: (family) => {
      underWay.delete(family);
      updatedAt.set(family, clock.now());
    },
    setNodeEligible: (eligible) => {
      isNodeEligible = eligible;
    },
    status: () => {
      const now = clock.now();
      const late = ([, since]: readonly [Family, number]): boolean => now - since >= timeoutMs;
      const stuck = [...underWay, ...waiting].find(late);
      if (stuck === undefined) return { isHealthy: true, isNodeEligible, lastUpdated: now, now };
      return { isHealthy: false, isNodeEligible, lastUpdated: updatedAt.get(stuck[0]) ?? 0, now };
    },
  };
}

/** An answer of a health port: status code and JSON body. */
export interface HealthAnswer {
  readonly code: 200 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

/**
 * Answers `/healthz`, which load balancers ask whether to send here, and `/livez`, which asks whether to restart: that the node
 * is leaving is of no matter to the second.
 */
export function answerHealth(path: '/healthz' | '/livez', status: HealthStatus): HealthAnswer {
  const { isHealthy, isNodeEligible, lastUpdated, now } = status;
  const times = { lastUpdated: new Date(lastUpdated).toISOString(), currentTime: new Date(now).toISOString() };
  if (path === '/livez') return { code: isHealthy ? 200 : 503, headers: {}, body: times };
  const body = { ...times, nodeEligible: isNodeEligible };
  return { code: isHealthy && isNodeEligible ? 200 : 503, headers: {}, body };
}
