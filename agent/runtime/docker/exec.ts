import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeadlineExceededError, withDeadline } from '../../deadline.ts';
import { type ExecStreams, type ExecSyncResult, ExecTimeoutError } from '../types.ts';
import type { DockerClient } from './api.ts';
import { toRuntimeError } from './errors.ts';
import { killExec } from './exec-kill.ts';
import { HeadSink } from './head-sink.ts';
import { copyOutput } from './output.ts';

/** Bytes of a stream that are kept; probes and hooks show less. */
const maxOutputBytes = 16 * 1024;

/** Docker's own keys, ctrl-p ctrl-q, would hold back each ctrl-p that a user types. */
export const detachKeys = 'ctrl-^,ctrl-^';

/**
 * `ContainerRuntime.execSync`: create, start and one inspection, however much the command prints.
 *
 * @param timeoutMs 0 for none, as in CRI
 */
export async function execSync(
  client: DockerClient,
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ExecSyncResult> {
  const execId = await client.createExec(containerId, execBody(command, false, false), signal);
  const [stdout, stderr] = [new HeadSink(maxOutputBytes), new HeadSink(maxOutputBytes)];
  const what = describe(command, containerId);
  const run = async (abort: AbortSignal): Promise<void> => {
    try {
      await copyOutput(await client.startExec(execId, false, abort), false, { stdout, stderr }, abort);
    } catch (error) {
      throw toRuntimeError(what, error, abort);
    }
  };
  await killedOnFailure(client, containerId, execId, signal, () =>
    timeoutMs > 0 ? withDeadline(what, timeoutMs, signal, run) : run(signal),
  );
  return { exitCode: await exitCode(client, execId, signal), stdout: stdout.text(), stderr: stderr.text() };
}

/** `ContainerRuntime.exec`: over a connection of its own, so that the end of the input reaches the command. */
export async function exec(
  client: DockerClient,
  containerId: string,
  command: readonly string[],
  streams: ExecStreams,
  signal: AbortSignal,
): Promise<number> {
  const { stdin, tty } = streams;
  const execId = await client.createExec(containerId, execBody(command, tty, stdin !== undefined), signal);
  const what = describe(command, containerId);
  await killedOnFailure(client, containerId, execId, signal, async () => {
    const connection = await client.hijackExec(execId, tty, signal);
    const unpipe = pipeInput(stdin, connection);
    // A size that Docker refuses changes how things look, no more: the command may just have ended.
    streams.onResize?.((size) => void client.resizeExec(execId, size, signal).catch(() => undefined));
    try {
      await copyOutput(connection, tty, streams, signal);
    } catch (error) {
      throw toRuntimeError(what, error, signal);
    } finally {
      unpipe();
      connection.destroy();
    }
  });
  return exitCode(client, execId, signal);
}

const describe = (command: readonly string[], containerId: string): string =>
  `command ${JSON.stringify(command)} in container ${containerId}`;

function execBody(command: readonly string[], tty: boolean, stdin: boolean): Parameters<DockerClient['createExec']>[1] {
  return {
    Cmd: command,
    AttachStdin: stdin,
    AttachStdout: true,
    AttachStderr: !tty,
    Tty: tty,
    ...(tty ? { DetachKeys: detachKeys } : {}),
  };
}

/** Passes input on, its end too; a source that fails ends the input as well. Returns what takes the pipe apart. */
export function pipeInput(stdin: NodeJS.ReadableStream | undefined, connection: Duplex): () => void {
  if (stdin === undefined) return () => undefined;
  const end = (): void => void connection.end();
  stdin.once('error', end);
  stdin.pipe(connection);
  return () => {
    stdin.unpipe(connection);
    stdin.off('error', end);
  };
}

/**
 * Runs `run`; when it fails, for whatever reason, the command is killed before the failure is told.
 *
 * @throws ExecTimeoutError for a deadline
 */
async function killedOnFailure(
  client: DockerClient,
  containerId: string,
  execId: string,
  signal: AbortSignal,
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    // The command outlives the connection, and a signal that is aborted already can end no wait.
    const killFailure = await killExec(client, containerId, execId, AbortSignal.timeout(killTimeoutMs)).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    if (signal.aborted) throw signal.reason;
    if (!(error instanceof DeadlineExceededError)) throw error;
    if (killFailure === undefined) throw new ExecTimeoutError(error.message, { cause: error });
    throw new ExecTimeoutError(`${error.message}, and could not be killed`, { cause: killFailure });
  }
}

const killTimeoutMs = 10_000;

/** Docker ends the output a moment before it knows the exit code. */
const exitPollsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

async function exitCode(client: DockerClient, execId: string, signal: AbortSignal): Promise<number> {
  for (const pollMs of exitPollsMs) {
    const { ExitCode } = await client.inspectExec(execId, signal);
    if (ExitCode !== null) return ExitCode;
    await sleep(pollMs, undefined, { signal });
  }
  throw new Error(`Docker does not tell the exit code of exec ${execId}, whose output has ended`);
}
