import type { ServerResponse } from 'node:http';
import { listen, type Listener, parseAddress, sendJson } from './listen.ts';
import { answerHealth, type ProxyHealth } from './proxy-health.ts';

export { listen, parseAddress, type Listener } from './listen.ts';
export { createProxyHealth, type HealthStatus, type ProxyHealth } from './proxy-health.ts';
export { createServiceHealthServers, type ServiceHealthServers } from './service-health.ts';
export { planHealthServices, type HealthService } from './service-plan.ts';

export interface HealthServerOptions {
  /** `IP:PORT`; kube-proxy's is `0.0.0.0:10256`. */
  readonly address: string;
  readonly health: Pick<ProxyHealth, 'status'>;
  /** Told each answer. */
  readonly onAnswer: (path: '/healthz' | '/livez', code: number) => void;
}

/** Serves `/healthz` and `/livez`. */
export async function serveHealth({ address, health, onAnswer }: HealthServerOptions): Promise<Listener> {
  const { host, port } = parseAddress(address);
  return listen(host, port, (request, response) => {
    const path = (request.url ?? '').split('?')[0];
    if (path !== '/healthz' && path !== '/livez') return notFound(response);
    const answer = answerHealth(path, health.status());
    onAnswer(path, answer.code);
    sendJson(request, response, answer);
  });
}

function notFound(response: ServerResponse): void {
  response.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found\n');
}
