import type { ProxyPlan } from '../types.ts';
import type { HealthAnswer } from './proxy-health.ts';

/** One Service that tells load balancers whether this node has endpoints of it. */
export interface HealthService {
  readonly namespace: string;
  readonly name: string;
  /** `healthCheckNodePort` */
  readonly port: number;
  /** Addresses of ready endpoints on this node: what terminates is not counted, also when it still gets traffic. */
  readonly localEndpoints: number;
}

/** The Services with a health port of all families, by `namespace/name` (`LocalReadyEndpoints`, pkg/proxy/endpointschangetracker.go). */
export function planHealthServices(plans: readonly ProxyPlan[]): ReadonlyMap<string, HealthService> {
  const checked = plans
    .flatMap(({ services }) => services)
    .filter(({ healthCheckNodePort }) => healthCheckNodePort !== 0);
  const addresses = new Map<string, Set<string>>();
  const found = new Map<string, HealthService>();
  for (const {
    name: { namespace, name },
    healthCheckNodePort: port,
    allEndpoints,
  } of checked) {
    const key = `${namespace}/${name}`;
    const local = addresses.get(key) ?? new Set();
    for (const { ip, isLocal, ready } of allEndpoints) if (isLocal && ready) local.add(ip);
    addresses.set(key, local);
    found.set(key, { namespace, name, port, localEndpoints: local.size });
  }
  return found;
}

/** As kube-proxy answers (pkg/proxy/healthcheck/service_health.go), on any path. */
export function answerServiceHealth(
  { namespace, name, localEndpoints }: HealthService,
  isProxyHealthy: boolean,
): HealthAnswer {
  return {
    code: localEndpoints > 0 && isProxyHealthy ? 200 : 503,
    headers: { 'X-Load-Balancing-Endpoint-Weight': String(localEndpoints) },
    body: { service: { namespace, name }, localEndpoints, serviceProxyHealthy: isProxyHealthy },
  };
}
