import { listen, type Listener, parseAddress } from '../health/index.ts';

export { createProxyMetrics, type ProxyMetrics } from './proxy-metrics.ts';

export interface MetricsServerOptions {
  /** `IP:PORT`; kube-proxy's is `127.0.0.1:10249`. */
  readonly address: string;
  /** The name of the mode. */
  readonly mode: string;
  /** The metrics in Prometheus' text format. */
  readonly render: () => string;
}

const TEXT = 'text/plain; charset=utf-8';

/** Serves `/metrics`, `/proxyMode` and `/healthz`, as kube-proxy does there. */
export async function serveMetrics({ address, mode, render }: MetricsServerOptions): Promise<Listener> {
  const pages: Readonly<Record<string, () => readonly [type: string, text: string]>> = {
    '/metrics': () => ['text/plain; version=0.0.4; charset=utf-8', render()],
    '/proxyMode': () => [TEXT, mode],
    '/healthz': () => [TEXT, 'ok'],
  };
  const { host, port } = parseAddress(address);
  return listen(host, port, (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    const [type, text] = page?.() ?? [TEXT, '404 page not found\n'];
    response.writeHead(page === undefined ? 404 : 200, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' });
    response.end(request.method === 'HEAD' ? undefined : text);
  });
}
