import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type ApiClient, createApiClient, isForbidden, type OwnedApiClient } from '../api/index.ts';
import { systemClock } from '../clock.ts';
import type { EndpointSlice, Service } from '../objects/types.ts';
import {
  createApiTracker,
  createServiceMemory,
  followEndpoints,
  followServices,
  ignoredFiles,
  type ProxyNodeFacts,
  proxyNodeFacts,
  type ServiceMemory,
  withServices,
} from '../services/index.ts';
import type { SourceProblem } from '../sources/types.ts';
import { version } from '../version.ts';
import { apiDirectory } from './checkpoints.ts';
import type { Foundation } from './foundation.ts';
import { createNodeProxy } from './proxy.ts';
import type { NodeServices } from './services.ts';

/** How long a container that is to start waits for Services, which were asked for at the same time as its pod. */
const patienceMs = 5_000;

/**
 * Services of a node of a cluster, as its API server has them.
 *
 * @param client the node's own
 * @param onServicesKnown called once, with the first list of Services
 */
export function createApiServices(base: Foundation, client: ApiClient, onServicesKnown: () => void): NodeServices {
  const { store } = base;
  const proxy = createNodeProxy(base);
  proxy.begin();
  const gate = createGate(() => proxy.synced(), ['services', 'slices', ...(needsPodCidrs(base) ? ['podCidrs'] : [])]);
  let tellKnown = (): void => undefined;
  const known = new Promise<true>((resolve) => (tellKnown = () => resolve(true)));
  const troubles = createTroubles(base);
  const services = createApiTracker<Service>({
    onChange: (changes) => {
      proxy.update({ services: changes });
      memory.changed();
    },
    onListed: (isFirst) => {
      troubles.over('services');
      gate.open('services');
      tellKnown();
      if (isFirst) onServicesKnown();
    },
  });
  const slices = createApiTracker<EndpointSlice>({
    onChange: (changes) => proxy.update({ slices: changes }),
    onListed: () => {
      troubles.over('endpoints');
      gate.open('slices');
    },
  });
  let remembered: readonly Service[] | undefined;
  const memory = serviceMemory(base, () => services.all());
  const currentServices = (): readonly Service[] => (services.isListed() ? services.all() : (remembered ?? []));
  const files = warnOfFiles(base);
  const own = openProxyClient(base);

  let facts: ProxyNodeFacts | undefined;
  const takeNode: NodeServices['takeNode'] = (node) => {
    const next = proxyNodeFacts(node);
    // Each status of the node comes by here, and labels that change have all Services looked at anew.
    if (isDeepStrictEqual(next, facts)) return;
    facts = next;
    const { labels, podCidrs, eligible } = next;
    proxy.proxy.updateNode({ labels, eligible, ...(podCidrs.length === 0 ? {} : { podCidrs }) });
    if (podCidrs.length > 0) gate.open('podCidrs');
  };
  return {
    ...{ proxy, takeNode },
    services: () => services.all(),
    slices: () => slices.all(),
    objects: withServices(store, currentServices),
    problems: () => [...files.problems(), ...troubles.problems()],
    podsChanged: () => undefined,
    reconciled: () => undefined,
    read: async (signal) => {
      if (services.isListed() || remembered !== undefined) return true;
      await Promise.race([known, systemClock.sleep(patienceMs, signal)]);
      if (!services.isListed()) remembered = await memory.load();
      return services.isListed() || remembered !== undefined;
    },
    run: async (signal) => {
      await Promise.all([
        memory.run(signal),
        followServices(services, { client, onLost: troubles.of('services') }, signal),
        followEndpoints(
          slices,
          { client: own ?? client, clock: systemClock, onLost: troubles.of('endpoints') },
          signal,
        ),
      ]);
    },
    stop: async () => {
      files.stop();
      await own?.close();
    },
  };
}

function serviceMemory({ config, log, counters }: Foundation, services: () => readonly Service[]): ServiceMemory {
  return createServiceMemory({
    ...{ services, clock: systemClock, round: counters.loops.round('state-files') },
    file: join(apiDirectory(config), 'services.json'),
    onError: (err) => log.warn({ err }, 'Services cannot be kept for a restart'),
  });
}

/** Rules are not touched before all is known that they are made of: what was not read yet would count as gone. */
function createGate(open: () => void, names: readonly string[]): { open(name: string): void } {
  const closed = new Set(names);
  return {
    open: (name) => {
      if (closed.delete(name) && closed.size === 0) open();
    },
  };
}

/** Only then the addresses of local pods tell what comes from a pod; kube-proxy waits for them, too (`waitForPodCIDR`). */
function needsPodCidrs({ config }: Foundation): boolean {
  return config.kubeProxy?.detectLocalMode === 'NodeCIDR';
}

/**
 * A client with the credentials that kube-proxy's configuration names. Undefined without such a file: a kubeadm cluster's
 * configuration names one that is there inside of kube-proxy's own pod only.
 */
function openProxyClient({ config, log, counters }: Foundation): OwnedApiClient | undefined {
  const connection = config.kubeProxy?.clientConnection?.kubeconfig;
  if (!connection || !existsSync(connection)) return undefined;
  const userAgent = `podwright-proxy/${version} (linux/${process.arch})`;
  return createApiClient({
    ...{ connection, log, userAgent, clock: systemClock },
    round: counters.loops.round('api-watch'),
    onRequest: (request) => counters.kubelet.requested(request),
  });
}

const advice =
  'kubectl create clusterrolebinding podwright:node-proxier --clusterrole=system:node-proxier --group=system:nodes';

interface Troubles {
  /** What to call when a collection is lost. */
  of(what: string): (error: unknown, failures: number) => void;
  /** It was read. */
  over(what: string): void;
  problems(): readonly SourceProblem[];
}

/** A node of its own may not read EndpointSlices: this is for the administrator to allow, and must not be overlooked. */
function createTroubles({ log }: Foundation): Troubles {
  const refused = new Set<string>();
  return {
    of: (what) => (error, failures) => {
      if (!isForbidden(error)) {
        if (failures === 1) log.warn({ err: error, what }, 'the API server is away; Services stay as they are');
      } else if (!refused.has(what)) {
        refused.add(what);
        log.error({ err: error, what, allow: advice }, 'the node may not read what Services need');
      }
    },
    over: (what) => void refused.delete(what),
    problems: () =>
      [...refused].map((what) => ({
        origin: 'api',
        severity: 'error' as const,
        message: `the node may not read ${what}, so that Services do not work on it; an administrator allows it by: ${advice}`,
      })),
  };
}

/** Tells once of each file that has no effect. */
function warnOfFiles({ store, log }: Foundation): { problems(): readonly SourceProblem[]; stop(): void } {
  const problems = (): readonly SourceProblem[] => ignoredFiles(store, (key) => store.originOf(key));
  let told: ReadonlySet<string> = new Set();
  const stop = store.subscribeObjects(() => {
    const found = problems();
    for (const { object = '', origin } of found) {
      if (!told.has(object)) log.warn({ file: origin, object }, 'files have no say in Services on a node of a cluster');
    }
    told = new Set(found.map(({ object = '' }) => object));
  });
  return { problems, stop };
}
