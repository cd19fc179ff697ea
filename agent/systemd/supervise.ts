import type { Clock } from '../clock.ts';
import type { Log } from '../pods/deps.ts';
import { ConfigChanged } from '../reload.ts';
import { type Round, uncounted } from '../round.ts';
import type { Notifier } from './notify.ts';
import { planMessage, type ServiceReport, type Told } from './report-plan.ts';

export interface SupervisionDeps {
  readonly notifier: Notifier;
  readonly report: () => ServiceReport;
  readonly clock: Clock;
  /** Milliseconds that no one sets. */
  readonly monotonic: () => number;
  readonly log: Log;
  /** Counts a message. */
  readonly round?: Round;
}

/** Whoever waits for the start waits for this long at most beyond it. */
const startPollMs = 100;
/** Numbers of pods change often, and each message is a process. */
const pollMs = 10_000;

/**
 * Tells the service manager how the daemon does until `signal` is aborted: that it is ready, what it is about, and, at half of
 * the watchdog's time, that it is alive. After a reload it is ready again with the next daemon. The timer is the event loop's: one that is blocked feeds no watchdog.
 */
export async function supervise(deps: SupervisionDeps, signal: AbortSignal): Promise<void> {
  const { notifier, clock, monotonic, round = uncounted } = deps;
  const feedMs = notifier.watchdogMs === undefined ? undefined : notifier.watchdogMs / 2;
  const pauseMs = Math.min(pollMs, feedMs === undefined ? pollMs : feedMs / 3);
  let told: Told = { isReady: false, status: '', fedAt: Number.NEGATIVE_INFINITY };
  let stuck: string | undefined;
  try {
    while (!signal.aborted) {
      const report = deps.report();
      if (report.stuck !== undefined && stuck === undefined) {
        deps.log.error({ loop: report.stuck }, 'a loop of the daemon does not go on: systemd will restart it');
      }
      stuck = report.stuck;
      const now = monotonic();
      // A little early: by the next look it would be late.
      const fields = planMessage(report, told, now, feedMs === undefined ? undefined : feedMs - pauseMs / 2);
      if (fields.length > 0 && (await round(() => notifier.send(fields)))) {
        const fedAt = fields.includes('WATCHDOG=1') ? now : told.fedAt;
        told = { isReady: told.isReady || report.isReady, status: report.status, fedAt };
      }
      await clock.sleep(told.isReady ? pauseMs : startPollMs, signal).catch(() => undefined);
    }
  } finally {
    const isReload = signal.reason instanceof ConfigChanged;
    await notifier.send(isReload ? ['RELOADING=1'] : ['STOPPING=1', 'STATUS=stopping; pods run on']);
  }
}
