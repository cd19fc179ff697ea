import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Command } from 'commander';
import type { Logger } from 'pino';
import { type Config, ConfigError, type Flags, loadConfig } from '../config/index.ts';
import { createLog } from '../log.ts';

interface RunOptions extends Omit<Flags, 'podManifestPath' | 'verbosity'> {
  readonly manifests?: string;
  readonly podManifestPath?: string;
  readonly v?: string;
}

/** Flags of the daemon. Those of the kubelet keep their names; what is not given comes from the file, then from defaults. */
export function command(): Command {
  return new Command('run')
    .description('run the node in the foreground; its pods outlive it')
    .option('--config <file>', 'KubeletConfiguration, with KubeProxyConfiguration and PodwrightConfiguration beside it')
    .option('--manifests <dir>', 'directory of static pod manifests (default: /etc/kubernetes/manifests)')
    .option('--pod-manifest-path <dir>', 'the same, as the kubelet calls it')
    .option('--root-dir <dir>', 'directory of the state (default: /var/lib/kubelet)')
    .option('--docker-host <url>', 'unix:///path or tcp://host:port (default: unix:///var/run/docker.sock)')
    .option('--hostname-override <name>', 'name of the node (default: the host name)')
    .option(
      '--pod-infra-container-image <image>',
      'image of the pause container; the built-in one where it cannot be had',
    )
    .option('--pod-cidr <cidrs>', 'addresses of pods, one range or one of each family (default: 10.244.0.0/24)')
    .option('--cni-conf-dir <dir>', 'network configurations (default: /etc/cni/net.d)')
    .option('--cni-bin-dir <dirs>', 'network plugins, comma-separated (default: /opt/cni/bin)')
    .option('--cni-cache-dir <dir>', 'results of network plugins (default: /var/lib/cni)')
    .option('--socket <path>', 'socket of the local API (default: /run/podwright/podwright.sock)')
    .option('--cgroup-driver <driver>', "cgroupfs or systemd (default: Docker's)")
    .option('--file-check-frequency <duration>', 'between two looks at all manifests (default: 20s)')
    .option('--sync-frequency <duration>', 'between two looks at running pods (default: 1m)')
    .option('--runtime-request-timeout <duration>', 'deadline of a call to Docker (default: 2m)')
    .option('--max-pods <number>', 'pods on this node (default: 110)')
    .option('--logging-format <format>', 'json or text (default: text on a terminal)')
    .option('-v <number>', 'verbosity of the log; 4 for debug messages (default: 2)')
    .action(async (options: RunOptions) => {
      process.exitCode = await run(options);
    });
}

async function run(options: RunOptions): Promise<number> {
  const loaded = await configure(options);
  if (loaded === undefined) return 2;
  const log = await createLog(loaded.config.log);
  for (const warning of loaded.warnings) log.warn({ warning }, 'configuration');
  const { signal, stop } = stopOnSignals(log);
  try {
    const { runDaemon } = await import('../daemon.ts');
    await runDaemon(loaded.config, { log, signal });
    return 0;
  } catch (error) {
    log.fatal({ err: error }, error instanceof Error ? error.message : 'podwright failed');
    return 1;
  } finally {
    stop();
  }
}

async function configure(
  options: RunOptions,
): Promise<{ readonly config: Config; readonly warnings: readonly string[] } | undefined> {
  const { manifests, v, podManifestPath = manifests, ...flags } = options;
  const given: Flags = {
    ...flags,
    ...(podManifestPath === undefined ? {} : { podManifestPath }),
    ...(v === undefined ? {} : { verbosity: v }),
  };
  try {
    return await loadConfig(given, {
      readFile: (path) => readFile(path, 'utf8'),
      env: process.env,
      hostname: hostname(),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return undefined;
  }
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
