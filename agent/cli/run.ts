import { Command } from 'commander';
import type { Logger } from 'pino';
import { exec } from '../../cni/index.ts';
import type { Flags } from '../config/index.ts';
import { createLog } from '../log.ts';
import { takeNotifier } from '../systemd/index.ts';
import { addOptions, readConfig, runFlags } from './flags.ts';

/** `podwright run`: the daemon. */
export function command(): Command {
  return addOptions(
    new Command('run').description('run the node in the foreground; its pods outlive it'),
    runFlags,
  ).action(async (flags: Flags) => {
    process.exitCode = await run(flags);
  });
}

async function run(flags: Flags): Promise<number> {
  const loaded = await readConfig(flags);
  if (loaded === undefined) return 2;
  const log = await createLog(loaded.config.log);
  for (const warning of loaded.warnings) log.warn({ warning }, 'configuration');
  if (loaded.notActedOn.length > 0) log.debug({ fields: loaded.notActedOn }, 'configuration that changes nothing yet');
  process.once('uncaughtException', (err) => die(log, err));
  const notifier = takeNotifier(process.env, exec, log);
  const { signal, stop } = stopOnSignals(log);
  try {
    const { runDaemon } = await import('../daemon.ts');
    await runDaemon(loaded.config, { log, signal, notifier });
    exitSoon(log);
    return 0;
  } catch (error) {
    log.fatal({ err: error }, error instanceof Error ? error.message : 'podwright failed');
    return 1;
  } finally {
    stop();
  }
}

/** A defect of podwright's own: the log says where, and whoever supervises the daemon starts it anew; pods run on. */
function die(log: Logger, error: unknown): never {
  const stack = error instanceof Error ? error.stack : undefined;
  log.fatal({ err: error, stack }, 'podwright failed unexpectedly, which is a defect; please report it');
  process.exit(1);
}

const lingerMs = 1_000;

/** All is stopped: a connection that a library left open must not hold the process. */
function exitSoon(log: Logger): void {
  const exit = (): void => {
    log.warn({ open: process.getActiveResourcesInfo() }, 'something is still open, exiting all the same');
    process.exit();
  };
  setTimeout(exit, lingerMs).unref();
}

const exitCodes = { SIGTERM: 143, SIGINT: 130 } as const;

/** The first signal stops the daemon in order, a second one ends it at once. */
function stopOnSignals(log: Logger): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController();
  const onSignal = (name: keyof typeof exitCodes): void => {
    if (controller.signal.aborted) process.exit(exitCodes[name]);
    log.info({ signal: name }, 'stopping');
    controller.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return {
    signal: controller.signal,
    stop: () => {
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    },
  };
}
