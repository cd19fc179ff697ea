import pLimit from 'p-limit';
import type { Logger } from 'pino';
import { createPodNetwork } from '../../cni/index.ts';
import type { Config } from '../config/index.ts';
import { openRuntime } from '../daemon/foundation.ts';
import { acquireLock, LockedError } from '../lock.ts';
import { createDockerClient } from '../runtime/docker/index.ts';
import { stopSandboxContainer } from '../runtime/docker/sandbox.ts';
import { type CriServerOptions, serveCri } from '../server/cri/server.ts';

/**
 * Has CRI v1 answer for the pods of this host: for `kubeadm`, which asks for it before the kubelet runs and after it has ended,
 * and for `crictl`. It works with the daemon and without it.
 */
export async function answerCri(
  config: Config,
  { log, ...options }: CriServerOptions & { readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const client = createDockerClient(config.dockerHost, config.runtimeRequestTimeoutMs);
  const network = createPodNetwork({
    ...{ ...config.cni, podCidrs: config.podCidrs, routeBackend: config.routeBackend },
    onWarning: (message, fields) => log.warn(fields, message),
  });
  const runtime = await openRuntime(config, client, network, log);
  const inTurn = pLimit(1); // or one request would find the root directory locked by another
  await serveCri(
    {
      ...{ client, runtime, sandboxImage: config.podSandboxImage, lifetime: signal },
      stopSandbox: (id, until) =>
        inTurn(() =>
          unlessDaemonRuns(config.rootDir, {
            alone: () => runtime.stopPodSandbox(id, until),
            beside: () => stopSandboxContainer(client, id, until),
          }),
        ),
    },
    options,
    signal,
  );
}

interface Ways {
  readonly alone: () => Promise<void>;
  readonly beside: () => Promise<void>;
}

/** The network of pods has one owner: a daemon that runs sees a sandbox end, and tears its network down itself. */
async function unlessDaemonRuns(rootDir: string, { alone, beside }: Ways): Promise<void> {
  const lock = await acquireLock(rootDir).catch((error: unknown) => {
    if (error instanceof LockedError) return undefined;
    throw error;
  });
  if (lock === undefined) return beside();
  try {
    await alone();
  } finally {
    await lock.release();
  }
}
