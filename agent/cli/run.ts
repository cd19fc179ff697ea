import { Command, Option } from 'commander';
import type { Logger } from 'pino';
import { isDeepStrictEqual } from 'node:util';
import { exec } from '../../cni/index.ts';
import { type Config, type Flags, kubeProxyFile, type LoadedConfig } from '../config/index.ts';
import type { DaemonDeps } from '../daemon.ts';
import { createLog, setVerbosity } from '../log.ts';
import { ConfigChanged, nextConfig } from '../reload.ts';
import { takeNotifier } from '../systemd/index.ts';
import { addOptions, loadConfigHere, readConfig, runFlags } from './flags.ts';
import { hiddenFlags } from './kubelet/arguments-plan.ts';

/**
 * `podwright run`: the daemon. The kubelet's flags are taken too, as kubeadm and users have left them for the kubelet's service
 * (kubeadm-flags.env, /etc/default/kubelet).
 */
export function command(): Command {
  const daemon = addOptions(
    new Command('run').description('run the node in the foreground; its pods outlive it'),
    runFlags,
  );
  for (const usage of hiddenFlags) daemon.addOption(new Option(usage).hideHelp());
  return daemon.action(async () => {
    process.exitCode = await runAsAsked(daemon);
  });
}

async function runAsAsked(daemon: Command): Promise<number> {
  const given = daemon.options.filter((option) => daemon.getOptionValue(option.attributeName()) !== undefined);
  const [kubelets, own] = [given.filter(({ hidden }) => hidden), given.filter(({ hidden }) => !hidden)];
  const valueOf = (option: Option): string => String(daemon.getOptionValue(option.attributeName()));
  const flags: Flags = Object.fromEntries(own.map((option) => [option.attributeName(), valueOf(option)]));
  if (kubelets.length === 0) return run(flags);
  const { runWithKubeletFlags } = await import('./kubelet.ts');
  return runWithKubeletFlags(
    flags,
    kubelets.map((option) => `${option.long ?? ''}=${valueOf(option)}`),
  );
}

/** Runs the node until it is told to stop; returns the exit code. */
export async function run(flags: Flags): Promise<number> {
  const loaded = await readConfig(flags);
  if (loaded === undefined) return 2;
  const log = await createLog(loaded.config.log);
  process.once('uncaughtException', (err) => die(log, err));
  const notifier = takeNotifier(process.env, exec, log);
  const { signal, stop } = stopOnSignals(log);
  try {
    await runConfigured(flags, loaded, { log, signal, notifier });
    exitSoon(log);
    return 0;
  } catch (error) {
    log.fatal({ err: error }, error instanceof Error ? error.message : 'podwright failed');
    return 1;
  } finally {
    stop();
  }
}

/** Runs the daemon with a configuration, and with the next one when it has changed, until `signal` is aborted. */
async function runConfigured(
  flags: Flags,
  first: LoadedConfig,
  process: Pick<DaemonDeps, 'log' | 'signal' | 'notifier'>,
): Promise<void> {
  const { log, signal } = process;
  const { runDaemon } = await import('../daemon.ts');
  const { createLoopMetrics } = await import('../metrics/index.ts');
  const deps = { ...process, loops: createLoopMetrics() };
  for (let loaded = first; !signal.aborted;) {
    tellConfig(loaded, log);
    const reload = new AbortController();
    const until = AbortSignal.any([signal, reload.signal]);
    const next = followConfig(flags, loaded, { ...deps, signal: until }).then(
      (changed) => {
        log.info({}, 'the configuration has changed: podwright starts anew with it, the pods go on running');
        reload.abort(new ConfigChanged());
        return changed;
      },
      (error: unknown) => {
        if (!until.aborted) log.error({ err: error }, 'changes of the configuration are not followed any more');
        return loaded;
      },
    );
    await runDaemon(loaded.config, { ...deps, signal: until }).finally(() => reload.abort());
    loaded = await next;
  }
}

function tellConfig({ warnings, notActedOn }: LoadedConfig, log: Logger): void {
  for (const warning of warnings) log.warn({ warning }, 'configuration');
  if (notActedOn.length > 0) log.debug({ fields: notActedOn }, 'configuration that changes nothing yet');
}

/** @returns the next configuration that needs a daemon anew; of one that changes the log only, the log is changed */
async function followConfig(
  flags: Flags,
  loaded: LoadedConfig,
  { log, loops, signal }: DaemonDeps,
): Promise<LoadedConfig> {
  const files = [flags.config, kubeProxyFile(loaded.config.rootDir)].filter((file) => file !== undefined);
  for (let current = loaded; ;) {
    const next = await nextConfig(
      { load: () => loadConfigHere(flags), current, files, log, round: loops.round('configuration') },
      signal,
    );
    const { verbosity } = next.config.log;
    setVerbosity(log, verbosity);
    if (!isDeepStrictEqual(withoutLog(next.config), withoutLog(current.config))) return next;
    log.info({ verbosity }, 'the verbosity of the log has changed');
    current = next;
  }
}

const withoutLog = (config: Config): object => ({
  ...config,
  log: undefined,
  kubelet: { ...config.kubelet, logging: undefined },
});

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
