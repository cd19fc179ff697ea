import {
  type CommandOptions,
  defaultLimits,
  type DialPort,
  type StreamingLimits,
  type UpgradeRequest,
} from '../streaming/index.ts';
import { type Exchange, sendText, TextError } from './exchange.ts';
import { podOf, runningContainer } from './pod-lookup.ts';
import { getOrPost, post, type Route } from './router.ts';
import type { KubeletServerDeps } from './types.ts';

/** Exec, attach, port-forward and run; with the UID of the pod in the path where the caller wants that very one. */
export function streamRoutes(deps: KubeletServerDeps): readonly Route[] {
  const inPod = (verb: string): readonly string[] => [`/${verb}/:namespace/:pod`, `/${verb}/:namespace/:pod/:uid`];
  const inContainer = (verb: string): readonly string[] => inPod(verb).map((path) => `${path}/:container`);
  return [
    ...inContainer('exec').map((path) => getOrPost(path, (exchange) => serveExec(deps, exchange))),
    ...inContainer('attach').map((path) => getOrPost(path, (exchange) => serveAttach(deps, exchange))),
    ...inContainer('run').map((path) => post(path, (exchange) => serveRun(deps, exchange))),
    ...inPod('portForward').map((path) => getOrPost(path, (exchange) => servePortForward(deps, exchange))),
  ];
}

/**
 * Which streams are wanted (`NewOptions` in `k8s.io/kubelet/pkg/cri/streaming/remotecommand`): with a terminal there is no
 * stderr.
 *
 * @throws TextError 400 for none
 */
export function streamChoice(query: URLSearchParams): CommandOptions {
  const is = (name: string): boolean => query.get(name) === '1';
  const tty = is('tty');
  const choice = { stdin: is('input'), stdout: is('output'), stderr: is('error') && !tty, tty };
  if (choice.stdin || choice.stdout || choice.stderr) return choice;
  throw new TextError(400, 'you must specify at least 1 of stdin, stdout, stderr');
}

async function serveExec(deps: KubeletServerDeps, exchange: Exchange): Promise<void> {
  const choice = streamChoice(exchange.query);
  const id = containerOf(deps, exchange);
  const command = exchange.query.getAll('command');
  if (command.length === 0) throw new TextError(400, 'you must specify at least one command for the container');
  await deps.streaming.serveCommand(
    upgraded(exchange),
    choice,
    (streams, signal) => deps.runtime.exec(id, command, streams, signal),
    limitsOf(deps),
  );
}

async function serveAttach(deps: KubeletServerDeps, exchange: Exchange): Promise<void> {
  const choice = streamChoice(exchange.query);
  const id = containerOf(deps, exchange);
  await deps.streaming.serveCommand(
    upgraded(exchange),
    choice,
    async (streams, signal) => {
      await deps.runtime.attach(id, streams, signal);
      return 0; // How the container ended is in the pod's status.
    },
    limitsOf(deps),
  );
}

async function servePortForward(deps: KubeletServerDeps, exchange: Exchange): Promise<void> {
  const pod = podOf(deps.pods(), exchange);
  const dial: DialPort = (port, signal) => deps.dialer.dial(pod, port, signal);
  await deps.streaming.servePortForward(upgraded(exchange), dial, limitsOf(deps));
}

/** Of the old parameter `cmd`, its words are separated by spaces and nothing else. */
async function serveRun(deps: KubeletServerDeps, exchange: Exchange): Promise<void> {
  const id = containerOf(deps, exchange);
  const command = (exchange.query.get('cmd') ?? '').split(' ');
  const { exitCode, stdout, stderr } = await deps.runtime.execSync(id, command, 0, exchange.signal);
  if (exitCode === 0) return sendText(exchange.response, 200, stdout + stderr);
  throw new TextError(500, `command '${command.join(' ')}' exited with ${exitCode}: ${stdout}${stderr}`);
}

function containerOf({ pods }: KubeletServerDeps, exchange: Exchange): string {
  return runningContainer(podOf(pods(), exchange), exchange.parameters['container'] ?? '');
}

/**
 * The connection, which is closed when the server stops.
 *
 * @throws TextError 400 for a client that does not ask for another protocol
 */
function upgraded({ upgrade, signal }: Exchange): UpgradeRequest {
  if (upgrade === undefined) throw new TextError(400, 'Upgrade request required');
  const taken = upgrade.take();
  const close = (): void => void taken.socket.destroy();
  if (signal.aborted) close();
  signal.addEventListener('abort', close, { once: true });
  return taken;
}

const limitsOf = ({ settings }: KubeletServerDeps): StreamingLimits => ({
  ...defaultLimits,
  idleTimeoutMs: settings.streamIdleTimeoutMs,
});
