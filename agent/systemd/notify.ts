import { type Exec, messageOf } from '../../cni/index.ts';
import type { Log } from '../pods/deps.ts';

/** What systemd wants to hear from a service of `Type=notify` (`sd_notify(3)`). */
export interface Notifier {
  /** Milliseconds within which systemd must hear `WATCHDOG=1` again; undefined without a watchdog. */
  readonly watchdogMs: number | undefined;
  /**
   * Tells the service manager; a failure is logged.
   *
   * @param fields `READY=1`, `STATUS=...`, without line breaks
   * @returns whether it was told
   */
  send(fields: readonly string[]): Promise<boolean>;
}

const sendTimeoutMs = 5_000;

/**
 * The service manager's, when it has started this process as a service of `Type=notify`. Its variables are taken out of `env`:
 * what the daemon runs is not to speak for it.
 *
 * Node.js has no Unix datagram sockets, and libraries that have them are native addons, which need a compiler or the headers of
 * libsystemd where they are installed. `systemd-notify` is there wherever systemd is; a call takes 7 ms of CPU, twice a minute.
 * It speaks for the process that calls it where it may, and for itself else: the unit has `NotifyAccess=all`.
 */
export function takeNotifier(env: NodeJS.ProcessEnv, exec: Exec, log: Log): Notifier | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog, WATCHDOG_PID: watched } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) Reflect.deleteProperty(env, name);
  if (!socket) return undefined;
  const isWatched = watched === undefined || Number(watched) === process.pid;
  let failures = 0;
  return {
    watchdogMs: isWatched && Number(watchdog) > 0 ? Number(watchdog) / 1_000 : undefined,
    send: async (fields) => {
      try {
        const args = fields.map((field) => field.replaceAll('\n', ' '));
        await exec({ file: 'systemd-notify', args, env: { NOTIFY_SOCKET: socket }, timeoutMs: sendTimeoutMs });
        failures = 0;
        return true;
      } catch (error) {
        failures += 1;
        if (failures === 1) log.warn({ err: error, fields }, `systemd cannot be told: ${messageOf(error)}`);
        return false;
      }
    },
  };
}
