import { Command, Option } from 'commander';
import type { Flags, LoadedConfig } from '../config/index.ts';
import { createLog } from '../log.ts';
import type { CriListener } from '../server/cri/server.ts';
import { UsageError } from './failure.ts';
import { addOptions, readConfig, runFlags } from './flags.ts';
import { interruptible } from './interruptible.ts';
import { hiddenFlags } from './kubelet/arguments-plan.ts';

const defaultEndpoint = 'unix:///var/run/cri-dockerd.sock';

/** `podwright cri`: the CRI endpoint of Docker, as kubeadm and crictl want it. */
export function command(): Command {
  const cri = addOptions(
    new Command('cri')
      .description('answer kubeadm and crictl: CRI v1 for the pods and images of this host, with or without the daemon')
      .option('--listen <endpoint>', 'unix:///path; a socket that systemd passes goes before it', defaultEndpoint),
    runFlags,
  );
  // The service has the daemon's flags.
  for (const usage of hiddenFlags) cri.addOption(new Option(usage).hideHelp());
  return cri.action(async ({ listen, ...flags }: Flags & { readonly listen: string }) => {
    process.exitCode = await run(listen, flags);
  });
}

async function run(endpoint: string, flags: Flags): Promise<number> {
  let listener: CriListener;
  try {
    listener = passedListener(process.env) ?? toListener(endpoint);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`podwright cri: ${error.message}\n`);
    return 2;
  }
  const loaded = await readConfig(flags);
  return loaded === undefined ? 2 : answer(listener, loaded);
}

/** A minute: kubeadm and crictl come with one connection after the other. */
const idleMs = 60_000;

async function answer(listener: CriListener, { config }: LoadedConfig): Promise<number> {
  const { answerCri } = await import('../cri/endpoint.ts');
  const log = await createLog(config.log);
  const onListening = (): void => log.info({ listener }, 'CRI v1 answers');
  const options = { listener, idleMs: 'fd' in listener ? idleMs : undefined, onListening, log };
  try {
    await interruptible(new Error('stopped'), (signal) => answerCri(config, options, signal));
    return 0;
  } catch (err) {
    log.fatal({ err }, 'CRI cannot be served');
    return 1;
  }
}

/** The first descriptor that the service manager passes (sd_listen_fds(3)). */
const firstPassed = 3;

function passedListener({ LISTEN_FDS: count, LISTEN_PID: pid }: NodeJS.ProcessEnv): CriListener | undefined {
  return Number(count) > 0 && Number(pid) === process.pid ? { fd: firstPassed } : undefined;
}

function toListener(endpoint: string): CriListener {
  const path = endpoint.replace(/^unix:\/\//, '');
  if (path.startsWith('/')) return { path };
  throw new UsageError(`--listen: ${endpoint} is no Unix socket, like ${defaultEndpoint}`);
}
