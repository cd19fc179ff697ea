import { isAlreadyExists, isConflict, isNotFound } from '../../api/errors.ts';
import { type ApiClient, type ApiObject, resources } from '../../api/types.ts';
import type { Clock } from '../../clock.ts';
import { type Round, uncounted } from '../../round.ts';

const namespace = 'kube-node-lease';

export interface LeaseOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly nodeName: string;
  /** UID of the Node, which owns its lease; undefined as long as it is not registered. */
  readonly nodeUid: () => string | undefined;
  /** The kubelet's `nodeLeaseDurationSeconds`. */
  readonly durationSeconds: number;
  /** Counts a round. */
  readonly round?: Round;
  /** @param failures in a row */
  readonly onError: (error: unknown, failures: number) => void;
}

/**
 * Renews the node's Lease four times in its duration until `signal` is aborted (k8s.io/component-helpers,
 * apimachinery/lease/controller.go). A server that is away is asked again with a growing pause, up to a renewal's.
 */
export async function keepLease(options: LeaseOptions, signal: AbortSignal): Promise<never> {
  const intervalMs = (options.durationSeconds * 1000) / 4;
  const { round = uncounted } = options;
  let lease: ApiObject | undefined;
  for (let failures = 0; ;) {
    const known = lease;
    try {
      lease = await round(() => renew(options, known, signal));
      failures = 0;
    } catch (error) {
      signal.throwIfAborted();
      failures += 1;
      lease = undefined;
      options.onError(error, failures);
    }
    const pauseMs = failures === 0 ? intervalMs : Math.min(intervalMs, 200 * 2 ** failures);
    await options.clock.sleep(pauseMs, signal);
  }
}

/** Writes the lease on the object that is known; reads or makes it when that is not the newest one. */
async function renew(options: LeaseOptions, known: ApiObject | undefined, signal: AbortSignal): Promise<ApiObject> {
  const { client, nodeName } = options;
  const path = { namespace, name: nodeName };
  const lease = known ?? (await read(options, signal));
  if (lease === undefined) {
    try {
      return await client.create(resources.leases, { namespace }, fresh(options, undefined), signal);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      return renew(options, await read(options, signal), signal);
    }
  }
  try {
    return await client.replace(resources.leases, path, fresh(options, lease), signal);
  } catch (error) {
    if (known === undefined || !(isConflict(error) || isNotFound(error))) throw error;
    return renew(options, undefined, signal);
  }
}

async function read({ client, nodeName }: LeaseOptions, signal: AbortSignal): Promise<ApiObject | undefined> {
  try {
    return await client.get(resources.leases, { namespace, name: nodeName }, signal);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function fresh({ clock, nodeName, nodeUid, durationSeconds }: LeaseOptions, lease: ApiObject | undefined): object {
  const uid = nodeUid();
  const owner = uid === undefined ? [] : [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }];
  const spec = lease?.['spec'] as LeaseSpec | undefined;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    ...lease,
    metadata: {
      ...lease?.metadata,
      name: nodeName,
      namespace,
      ...(owner.length === 0 ? {} : { ownerReferences: owner }),
    },
    spec: {
      ...spec,
      holderIdentity: nodeName,
      leaseDurationSeconds: durationSeconds,
      renewTime: nextTime(spec?.renewTime, clock.now()).toISOString().replace('Z', '000Z'),
    },
  };
}

interface LeaseSpec {
  /** RFC 3339 with microseconds. */
  readonly renewTime?: string;
}

/**
 * Now, or a millisecond after the last time when the clock was set back: to the node lifecycle controller only a later time
 * is a renewal (`tryUpdateNodeHealth` in pkg/controller/nodelifecycle/node_lifecycle_controller.go).
 */
function nextTime(last: string | undefined, now: number): Date {
  const lastMs = last === undefined ? NaN : Date.parse(last);
  return new Date(Number.isNaN(lastMs) ? now : Math.max(now, lastMs + 1));
}
