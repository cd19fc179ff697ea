import type { Duplex } from 'node:stream';
import type { NodeActions } from './actions.ts';
import { ChannelSink, channels, encodeFrame, execProtocol } from './exec-frames.ts';
import { ExecInput } from './exec-input.ts';
import type { ExecPlan } from './exec-plan.ts';
import { errorStatus, type ExecStatus, exitStatus } from './exec-status.ts';

/** How long a client may take to close what it has been told is over. */
const lingerMs = 5_000;

/**
 * Takes an upgraded connection over and runs a command on it. When the client goes the command is killed, with all that it
 * started. Resolves when the connection is closed.
 */
export async function serveExec(
  runtime: NodeActions['runtime'],
  plan: ExecPlan,
  socket: Duplex,
  signal: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  const leave = (): void => gone.abort(new Error('the client has gone'));
  for (const event of ['end', 'close', 'error']) socket.once(event, leave);
  signal.addEventListener('abort', leave, { once: true });
  try {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${execProtocol}\r\n\r\n`);
    const input = new ExecInput(socket, plan.stdin);
    const status = await run(runtime, plan, socket, input, gone.signal);
    input.ignoreRest();
    if (!gone.signal.aborted) await finish(socket, status, gone.signal);
  } finally {
    signal.removeEventListener('abort', leave);
    socket.destroy();
  }
}

async function run(
  runtime: NodeActions['runtime'],
  { containerId, command, tty }: ExecPlan,
  socket: Duplex,
  input: ExecInput,
  signal: AbortSignal,
): Promise<ExecStatus> {
  const streams = {
    tty,
    stdout: sink(socket, channels.stdout),
    stderr: sink(socket, channels.stderr),
    ...(input.stdin === undefined ? {} : { stdin: input.stdin }),
    onResize: input.onResize.bind(input),
  };
  try {
    return exitStatus(await runtime.exec(containerId, command, streams, signal));
  } catch (error) {
    return errorStatus(error);
  }
}

/** A failure to write is told to who wrote; as an event it would end the daemon. */
function sink(socket: Duplex, channel: number): ChannelSink {
  return new ChannelSink(socket, channel).on('error', () => undefined);
}

/** A socket that is closed with bytes unread resets the connection, and the client may not see how the command ended. */
async function finish(socket: Duplex, status: ExecStatus, gone: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, lingerMs);
    gone.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
    socket.end(encodeFrame(channels.error, Buffer.from(JSON.stringify(status))));
  });
}
