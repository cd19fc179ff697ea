import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import { systemClock } from './clock.ts';
import type { Config } from './config/index.ts';
import { clusterTasks, createCluster } from './daemon/cluster.ts';
import { layFoundation } from './daemon/foundation.ts';
import { kubeletServer } from './daemon/kubelet-server.ts';
import { supervisionTasks } from './daemon/supervision.ts';
import { daemonTasks, type Task } from './daemon/tasks.ts';
import { createWorkers } from './daemon/workers.ts';
import { acquireLock } from './lock.ts';
import type { LoopMetrics } from './metrics/index.ts';
import type { Notifier } from './systemd/index.ts';
import { version } from './version.ts';

export interface DaemonDeps {
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** The service manager that started the daemon. */
  readonly notifier: Notifier | undefined;
  /** Of this process: they go on when the daemon begins anew with another configuration. */
  readonly loops: LoopMetrics;
}

/**
 * Runs the node until `signal` is aborted. Pods go on running after it has ended.
 *
 * @throws when another daemon holds the root directory, or when a part fails that nothing can repair
 */
export async function runDaemon(config: Config, deps: DaemonDeps): Promise<void> {
  const lock = await acquireLock(config.rootDir);
  try {
    await serve(config, deps);
  } finally {
    await lock.release();
  }
}

async function serve(config: Config, { log, signal, notifier, loops }: DaemonDeps): Promise<void> {
  const startedAt = systemClock.now();
  const base = await layFoundation(config, log, loops);
  const cluster = createCluster(base);
  const workers = await createWorkers(base, cluster);
  log.info(
    { version, node: config.nodeName, manifests: config.manifestDir, docker: config.dockerHost },
    'podwright starts',
  );
  try {
    await runTogether(signal, [
      ...daemonTasks(base, workers, cluster, startedAt),
      ...clusterTasks(base, workers, cluster),
      ...supervisionTasks(base, workers, notifier),
      (until) => kubeletServer(base, workers, cluster, until),
    ]);
  } finally {
    await workers.stop();
    await cluster?.stop();
    log.info({}, 'podwright has stopped; the pods go on running');
  }
}

/** Runs tasks until `signal` is aborted; one that fails before that ends the others and is the error. */
async function runTogether(signal: AbortSignal, tasks: readonly Task[]): Promise<void> {
  const controller = new AbortController();
  // Each task waits for it in several places.
  setMaxListeners(0, controller.signal);
  const abort = (): void => controller.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  const running = tasks.map(async (task) => {
    try {
      await task(controller.signal);
    } catch (error) {
      if (controller.signal.aborted) return;
      controller.abort(error);
      throw error;
    }
  });
  const failed = (await Promise.allSettled(running)).find(({ status }) => status === 'rejected');
  signal.removeEventListener('abort', abort);
  if (failed?.status === 'rejected') throw failed.reason;
}
