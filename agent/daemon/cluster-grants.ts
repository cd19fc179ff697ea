import type { ApiClient } from '../api/types.ts';
import { systemClock } from '../clock.ts';
import { createRuntimeHandlers } from '../node/api/runtime-class.ts';
import type { Pod } from '../objects/types.ts';
import type { Log } from '../pods/deps.ts';
import type { DockerClient } from '../runtime/docker/index.ts';
import { createTokenManager, type TokenManager } from '../tokens/manager.ts';
import { createTrustBundles, type TrustBundles } from '../trust-bundles/manager.ts';
import type { Foundation } from './foundation.ts';

/** What pods get through an API server, beside the objects that they name. */
export interface ClusterGrants extends TokenManager, Pick<TrustBundles, 'anchors'> {
  /** @throws Error when the pod's RuntimeClass is not there or Docker does not have its handler */
  readonly runtimeHandler: (pod: Pod, signal: AbortSignal) => Promise<string | undefined>;
}

export function createClusterGrants(parts: {
  readonly client: ApiClient;
  readonly docker: Pick<DockerClient, 'info'>;
  readonly log: Log;
  readonly counters: Pick<Foundation['counters'], 'loops'>;
}): ClusterGrants {
  const { client, docker, log, counters } = parts;
  const tokens = createTokenManager({ client, clock: systemClock, log, round: counters.loops.round('tokens') });
  const bundles = createTrustBundles({ client, clock: systemClock, log });
  const handlers = createRuntimeHandlers({
    client,
    available: async (signal) => Object.keys((await docker.info(signal)).Runtimes ?? {}).sort(),
  });
  return {
    ...tokens,
    anchors: (pod, source, signal) => bundles.anchors(pod, source, signal),
    runtimeHandler: (pod, signal) => handlers.handler(pod, signal),
    forget: (uid) => {
      tokens.forget(uid);
      bundles.forget(uid);
      handlers.forget(uid);
    },
    run: async (onDue, signal) => {
      await Promise.all([tokens.run(onDue, signal), bundles.run(onDue, signal)]);
    },
  };
}
