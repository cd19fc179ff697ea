import type { ExecStreams } from '../types.ts';
import type { DockerClient } from './api.ts';
import { toRuntimeError } from './errors.ts';
import { detachKeys, pipeInput } from './exec.ts';
import { copyOutput } from './output.ts';

/**
 * `ContainerRuntime.attach`. Whether there is a terminal is the container's word, not the client's. Docker itself ends the
 * input of a container that was created with `StdinOnce`.
 */
export async function attach(
  client: DockerClient,
  id: string,
  streams: ExecStreams,
  signal: AbortSignal,
): Promise<void> {
  const { Config } = await client.inspectContainer(id, signal);
  const tty = Config.Tty ?? false;
  const stdin = Config.OpenStdin === true ? streams.stdin : undefined;
  const query = { stream: true, stdin: stdin !== undefined, stdout: true, stderr: true, detachKeys };
  const connection = await client.attachContainer(id, query, signal);
  const unpipe = pipeInput(stdin, connection);
  // A size that Docker refuses changes how things look, no more: the container may just have ended.
  if (tty) streams.onResize?.((size) => void client.resizeContainer(id, size, signal).catch(() => undefined));
  try {
    await copyOutput(connection, tty, streams, signal);
  } catch (error) {
    throw toRuntimeError(`attachment to container ${id}`, error, signal);
  } finally {
    unpipe();
    connection.destroy();
  }
}
