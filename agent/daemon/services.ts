import type { ApiObject } from '../api/index.ts';
import type { ObjectReader, Service } from '../objects/types.ts';
import type { PodView } from '../pods/pod-views.ts';
import { createKeptFile, createServiceController, type ServiceController, withServices } from '../services/index.ts';
import type { SourceProblem } from '../sources/types.ts';
import type { Foundation } from './foundation.ts';
import { createNodeProxy, type NodeProxy } from './proxy.ts';

/** Services of this node. */
export interface NodeServices extends Pick<ServiceController, 'podsChanged' | 'services' | 'slices'> {
  /** Why Services do not get what their manifests ask for. */
  problems(): readonly SourceProblem[];
  /** Every pod that was wanted or found at the start had its first run. */
  reconciled(): void;
  readonly proxy: NodeProxy;
  /** The store's objects, with the addresses that Services were given. */
  readonly objects: ObjectReader;
  /** Resolves soon: whether Services were read at least once, so that the environment of a container can tell of them. */
  read(signal: AbortSignal): Promise<boolean>;
  /** The Node of this node, as the API server has it. */
  takeNode(node: ApiObject): void;
  /** Until its signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

const serviceKinds = ['Service/', 'Endpoints/', 'EndpointSlice/'];

/**
 * Services of a node that stands alone.
 *
 * @param pods of this node, for endpoints
 */
export async function createNodeServices(base: Foundation, pods: () => readonly PodView[]): Promise<NodeServices> {
  const { config, store, log, counters } = base;
  const keptFile = createKeptFile(config.rootDir);
  const kept = await keptFile.read();
  const proxy = createNodeProxy(base);
  // Services that there were before may have left rules.
  if (kept.size > 0) proxy.begin();
  const controller = createServiceController({
    ...{
      objects: store,
      pods,
      keptFile,
      nodeName: config.nodeName,
      zone: config.nodeLabels['topology.kubernetes.io/zone'],
      ranges: config.services,
    },
    kept,
    rounds: { publish: counters.loops.round('services'), write: counters.loops.round('state-files') },
    onChange: (changes) => proxy.update(changes),
    onError: (error) => log.warn({ err: error }, 'Services cannot be given addresses or endpoints'),
  });
  const unsubscribe = store.subscribeObjects((keys) => {
    if ([...keys].some((key) => serviceKinds.some((kind) => key.startsWith(kind)))) controller.objectsChanged();
  });
  const services = (): readonly Service[] => controller.services();
  return {
    proxy,
    // Before this an endpoint that is there counted as gone, and its connections would break.
    reconciled: () => {
      controller.objectsChanged();
      proxy.synced();
    },
    podsChanged: () => {
      if (services().length > 0) controller.podsChanged();
    },
    services,
    slices: () => controller.slices(),
    problems: () => controller.problems().map((one) => ({ ...one, origin: store.originOf(one.object) ?? '' })),
    objects: withServices(store, services),
    read: () => Promise.resolve(true),
    takeNode: () => undefined,
    run: () => Promise.resolve(),
    stop: async () => {
      unsubscribe();
      await controller.stop();
    },
  };
}
