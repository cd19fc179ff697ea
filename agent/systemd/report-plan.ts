/** What the service manager is told of. */
export interface ServiceReport {
  /** Pods can be run: Docker answers, and it is known what is to run. */
  readonly isReady: boolean;
  /** What the daemon is about, for `systemctl status`. */
  readonly status: string;
  /** A loop that does not go on; systemd then hears nothing, and starts the daemon anew. */
  readonly stuck: string | undefined;
}

/** What was told before. */
export interface Told {
  readonly isReady: boolean;
  readonly status: string;
  /** When the watchdog was fed last, milliseconds. */
  readonly fedAt: number;
}

/**
 * Fields of the next message, none when there is nothing to tell. A daemon that was ready stays so for systemd: what it lost is
 * in its status.
 *
 * @param feedMs the watchdog is fed as often; undefined without one
 */
export function planMessage(
  report: ServiceReport,
  told: Told,
  now: number,
  feedMs: number | undefined,
): readonly string[] {
  const mustFeed = feedMs !== undefined && report.stuck === undefined && now - told.fedAt >= feedMs;
  return [
    ...(report.isReady && !told.isReady ? ['READY=1'] : []),
    ...(report.status === told.status ? [] : [`STATUS=${report.status}`]),
    ...(mustFeed ? ['WATCHDOG=1'] : []),
  ];
}
