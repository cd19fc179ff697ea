import { isNotFound } from '../api/errors.ts';
import { type ApiClient, type ApiObject, type Resource, resources } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import type { EndpointSlice, Service } from '../objects/types.ts';
import { serviceFromApi, sliceFromApi, sliceFromBeta, slicesFromEndpoints } from './api-object.ts';
import type { ApiTracker } from './api-tracker.ts';

export interface FollowServicesOptions {
  readonly client: ApiClient;
  readonly onLost: (error: unknown, failures: number) => void;
}

/**
 * Follows all Services until `signal` is aborted: also those that are not this proxy's to serve, since the environment of pods
 * tells of them (kubelet `serviceLister`). The proxy's plan leaves them out by their labels.
 */
export async function followServices(
  tracker: ApiTracker<Service>,
  { client, onLost }: FollowServicesOptions,
  signal: AbortSignal,
): Promise<void> {
  const handler = tracker.handler((object) => [serviceFromApi(object)], onLost);
  await client.follow(resources.services, {}, handler, signal);
}

/** kube-proxy's (`cmd/kube-proxy/app/server.go`): not for another proxy, not headless. */
const labelSelector = '!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless';

interface EndpointSource {
  readonly resource: Resource;
  readonly convert: (object: ApiObject) => readonly EndpointSlice[];
}

const sliceSources: readonly EndpointSource[] = [
  { resource: resources.endpointSlices, convert: (object) => [sliceFromApi(object)] },
  { resource: resources.endpointSlicesBeta, convert: (object) => [sliceFromBeta(object)] },
];

/** Served by every release. */
const coreSource: EndpointSource = { resource: resources.endpoints, convert: slicesFromEndpoints };

const retryMs = 5_000;

/**
 * Follows the endpoints of all Services until `signal` is aborted, in the newest form that the server serves. When it serves that
 * no more, because it became another release meanwhile, the choice is made anew.
 */
export async function followEndpoints(
  tracker: ApiTracker<EndpointSlice>,
  options: FollowServicesOptions & { readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; ;) {
    signal.throwIfAborted();
    try {
      const source = await chooseSource(options.client, signal);
      failures = 0;
      await followWhileServed(tracker, source, options, signal);
    } catch (error) {
      signal.throwIfAborted();
      failures += 1;
      options.onLost(error, failures);
    }
    await options.clock.sleep(failures === 0 ? 0 : Math.min(retryMs, 250 * 2 ** failures), signal);
  }
}

async function chooseSource(client: ApiClient, signal: AbortSignal): Promise<EndpointSource> {
  for (const source of sliceSources) {
    const { group, version, plural } = source.resource;
    if (await client.serves(`${group}/${version}`, plural, signal)) return source;
  }
  return coreSource;
}

/** Resolves when the server does not know the resource any more. */
async function followWhileServed(
  tracker: ApiTracker<EndpointSlice>,
  { resource, convert }: EndpointSource,
  { client, onLost }: FollowServicesOptions,
  signal: AbortSignal,
): Promise<void> {
  const unserved = new AbortController();
  const handler = tracker.handler(convert, (error, failures) => {
    if (isNotFound(error)) unserved.abort();
    else onLost(error, failures);
  });
  try {
    await client.follow(resource, { labelSelector }, handler, AbortSignal.any([signal, unserved.signal]));
  } catch (error) {
    if (signal.aborted || !unserved.signal.aborted) throw error;
  }
}
