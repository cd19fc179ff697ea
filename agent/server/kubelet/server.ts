import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { untilAborted } from '../../until-aborted.ts';
import { type Access, createAccess, openAccess } from './access.ts';
import { alwaysAllow, type Authorizer, createAccessReviewer, neverAllow } from './access-review.ts';
import { createAuthenticator } from './authenticate.ts';
import { MaterialReader } from './certificates.ts';
import { createHandlers } from './handlers.ts';
import { healthzRoutes } from './healthz.ts';
import { httpLimits } from './limits.ts';
import { createFinder, type Route } from './router.ts';
import { kubeletRoutes, readOnlyRoutes } from './routes.ts';
import { planListen } from './settings-plan.ts';
import { createTlsServer, type TlsServer } from './tls-server.ts';
import { createTokenReviewer } from './token-review.ts';
import type { KubeletServerDeps } from './types.ts';

export interface KubeletServer {
  /**
   * Serves until `signal` is aborted: the kubelet API, where somebody could be let in to it, `/healthz` and the read-only
   * port, each where it is configured.
   *
   * @param onListening is told where, for each of the three
   * @throws when a port or a certificate cannot be used
   */
  run(signal: AbortSignal, onListening?: (what: ListenerName, port: number) => void): Promise<void>;
}

export type ListenerName = 'kubelet' | 'healthz' | 'readOnly';

/** The kubelet's HTTP API for the API server, `kubectl` and monitoring. */
export function createKubeletServer(deps: KubeletServerDeps): KubeletServer {
  return {
    run: async (signal, onListening = () => undefined) => {
      const failed = new AbortController();
      const both = AbortSignal.any([signal, failed.signal]);
      const guard = (serving: Promise<void>): Promise<void> =>
        serving.catch((error: unknown) => {
          failed.abort(error);
          throw error;
        });
      const listeners = [serveKubelet, serveHealthz, serveReadOnly].map((serve) =>
        guard(serve(deps, both, onListening)),
      );
      const results = await Promise.allSettled(listeners);
      const first = results.find(({ status }) => status === 'rejected');
      if (first?.status === 'rejected') throw failed.signal.reason;
    },
  };
}

type OnListening = (what: ListenerName, port: number) => void;

async function serveKubelet(deps: KubeletServerDeps, signal: AbortSignal, onListening: OnListening): Promise<void> {
  const { settings, log, hosts, now } = deps;
  const plan = planListen(settings, deps.api !== undefined);
  if (!plan.listen) return log.info({ why: plan.why }, 'the kubelet API is not served');
  if (plan.warning !== undefined) log.warn({}, plan.warning);
  const reader = new MaterialReader({ serving: settings.serving, clientCaFile: settings.clientCaFile, hosts, now });
  const tls = await createTlsServer(reader, settings.tls, (error) =>
    log.error({ err: error }, 'the kubelet API keeps its certificates: new ones cannot be used'),
  );
  const where = { what: 'kubelet', address: plan.address, port: settings.port } as const;
  await Promise.all([
    serveOn(tls.server, { ...where, routes: kubeletRoutes(deps), access: accessOf(deps, tls), onListening }, signal),
    tls.keepFresh(signal),
  ]);
}

function accessOf(deps: KubeletServerDeps, tls: TlsServer): Access {
  const { settings, api, log, now } = deps;
  const { authentication } = settings;
  const authenticator = createAuthenticator({
    isVerified: tls.isVerified,
    tokens:
      api !== undefined && authentication.webhook
        ? createTokenReviewer(api, authentication.webhookCacheMs, now)
        : undefined,
    anonymous: authentication.anonymous,
    now,
    onError: (error) => log.warn({ err: error }, 'cannot authenticate a request to the kubelet API'),
  });
  return createAccess(authenticator, authorizerOf(deps), (error) =>
    log.warn({ err: error }, 'cannot authorize a request to the kubelet API'),
  );
}

function authorizerOf({ settings, api, nodeName, now }: KubeletServerDeps): Authorizer {
  if (settings.authorization.mode === 'AlwaysAllow') return alwaysAllow;
  return api === undefined ? neverAllow : createAccessReviewer(api, { nodeName, now, ...settings.authorization });
}

const healthzRetryMs = 5_000;

async function serveHealthz(deps: KubeletServerDeps, signal: AbortSignal, onListening: OnListening): Promise<void> {
  const { healthz } = deps.settings;
  if (healthz === undefined) return;
  const where = { what: 'healthz', ...healthz, routes: healthzRoutes(deps), access: openAccess, onListening } as const;
  // Pods do not depend on it: one whose port is taken waits for it, as the kubelet does.
  while (!signal.aborted) {
    await serveOn(createServer(httpLimits.http), where, signal).catch(async (error: unknown) => {
      deps.log.error({ err: error }, 'healthz is not served, will retry');
      await sleep(healthzRetryMs, undefined, { signal }).catch(() => undefined);
    });
  }
}

/** Only on this host, unless an address is configured: it asks nobody who they are. */
async function serveReadOnly(deps: KubeletServerDeps, signal: AbortSignal, onListening: OnListening): Promise<void> {
  const { readOnlyPort: port } = deps.settings;
  if (port === undefined) return;
  const where = { what: 'readOnly', address: '127.0.0.1', port } as const;
  const routes = readOnlyRoutes(deps);
  await serveOn(createServer(httpLimits.http), { ...where, routes, access: openAccess, onListening }, signal);
}

interface Listener {
  readonly what: ListenerName;
  readonly address: string;
  readonly port: number;
  readonly routes: readonly Route[];
  readonly access: Access;
  readonly onListening: OnListening;
}

async function serveOn(server: Server, listener: Listener, signal: AbortSignal): Promise<void> {
  const { what, address, port } = listener;
  const handlers = createHandlers(createFinder(listener.routes), listener.access);
  server.on('request', handlers.request).on('upgrade', handlers.upgrade);
  server.maxConnections = httpLimits.maxConnections;
  await listen(server, what, address, port);
  server.on('error', () => undefined); // A connection that cannot be accepted, e.g. for want of file descriptors.
  const bound = server.address();
  listener.onListening(what, typeof bound === 'object' && bound !== null ? bound.port : port);
  await untilAborted(signal);
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  await handlers.stop();
  server.closeAllConnections();
  await closed;
}

async function listen(server: Server, what: ListenerName, address: string, port: number): Promise<void> {
  const listening = once(server, 'listening');
  // As in Go, all addresses are those of IPv6 too.
  if (address === '0.0.0.0') server.listen(port);
  else server.listen(port, address);
  try {
    await listening;
  } catch (error) {
    throw new Error(`cannot serve the ${what} port on ${address}:${port}: another process may have it`, {
      cause: error,
    });
  }
}
