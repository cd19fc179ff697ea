import type { ProxyLog } from '../log.ts';
import { type Listener, listen, sendJson } from './listen.ts';
import { answerServiceHealth, type HealthService } from './service-plan.ts';

/** The health ports of Services of type LoadBalancer with the external policy Local. */
export interface ServiceHealthServers {
  /**
   * Opens, closes and changes ports until they are those wanted. What cannot be opened is logged once and tried again by the
   * next call: one port that is taken keeps no other from being served. Calls must not overlap.
   *
   * @param addresses where to listen; undefined for all addresses
   */
  sync(services: ReadonlyMap<string, HealthService>, addresses: readonly string[] | undefined): Promise<void>;
  close(): Promise<void>;
}

export interface ServiceHealthOptions {
  readonly isProxyHealthy: () => boolean;
  readonly log: ProxyLog;
}

export function createServiceHealthServers({ isProxyHealthy, log }: ServiceHealthOptions): ServiceHealthServers {
  let wanted: ReadonlyMap<string, HealthService> = new Map();
  /** By `namespace/name port address`. */
  const open = new Map<string, Listener>();
  const failed = new Set<string>();

  const openOne = async (key: string, service: string, port: number, address: string | undefined): Promise<void> => {
    try {
      const listener = await listen(address, port, (request, response) => {
        const found = wanted.get(service);
        if (found === undefined) return void response.writeHead(503).end();
        sendJson(request, response, answerServiceHealth(found, isProxyHealthy()));
      });
      open.set(key, listener);
      failed.delete(key);
    } catch (err) {
      if (!failed.has(key)) log.error({ err, service, port }, 'cannot serve the health check node port of a Service');
      failed.add(key);
    }
  };

  const closeOthers = async (keep: ReadonlyMap<string, unknown>): Promise<void> => {
    for (const [key, listener] of [...open]) {
      if (keep.has(key)) continue;
      open.delete(key);
      await listener.close();
    }
    for (const key of [...failed]) if (!keep.has(key)) failed.delete(key);
  };

  return {
    sync: async (services, addresses) => {
      wanted = services;
      const hosts = addresses ?? [undefined];
      const listeners = new Map(
        [...services].flatMap(([service, { port }]) =>
          hosts.map((host) => [`${service} ${port} ${host ?? '*'}`, { service, port, host }] as const),
        ),
      );
      // Ports may go from one Service to another.
      await closeOthers(listeners);
      for (const [key, { service, port, host }] of listeners) {
        if (!open.has(key)) await openOne(key, service, port, host);
      }
    },
    close: () => closeOthers(new Map()),
  };
}
