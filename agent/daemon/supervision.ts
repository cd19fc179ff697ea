import { systemClock } from '../clock.ts';
import { type Notifier, type ServiceReport, supervise } from '../systemd/index.ts';
import type { Foundation } from './foundation.ts';
import type { Task } from './tasks.ts';
import type { Workers } from './workers.ts';

/**
 * Tells the service manager how the daemon does.
 *
 * @param notifier undefined when none has started the daemon
 */
export function supervisionTasks(
  base: Foundation,
  workers: Pick<Workers, 'manager'>,
  notifier: Notifier | undefined,
): readonly Task[] {
  if (notifier === undefined) return [];
  const parts = {
    ...{ notifier, log: base.log, clock: systemClock, round: base.counters.loops.round('supervision') },
    monotonic: () => performance.now(),
    report: () => serviceReport(base, workers),
  };
  return [(until) => supervise(parts, until)];
}

function serviceReport(
  { link, store, network, loops }: Foundation,
  { manager }: Pick<Workers, 'manager'>,
): ServiceReport {
  const { reachable, error = '' } = link.status();
  const stuck = loops.stuck();
  if (!reachable) return { isReady: false, stuck, status: `Docker does not answer: ${error}` };
  if (!store.synced()) return { isReady: false, stuck, status: 'waiting to be told what pods are to run' };
  const { ready, reason = '' } = network.status();
  const pods = `${manager.pods().length} pods`;
  return { isReady: true, stuck, status: ready ? pods : `${pods}; no network for others: ${reason}` };
}
