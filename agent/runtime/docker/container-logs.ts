import type { LogOptions, LogStreams } from '../types.ts';
import type { DockerClient, LogQuery } from './api.ts';
import { toRuntimeError } from './errors.ts';
import { copyOutput } from './output.ts';

/** Writes a container's log to the streams, from Docker's own reader, which knows the files that were rotated away. */
export async function containerLogs(
  client: DockerClient,
  id: string,
  options: LogOptions,
  streams: LogStreams,
  signal: AbortSignal,
): Promise<void> {
  const { Config } = await client.inspectContainer(id, signal);
  const log = await client.containerLogs(id, logQuery(options), signal);
  try {
    await copyOutput(log, Config.Tty ?? false, streams, signal);
  } catch (error) {
    throw toRuntimeError(`logs of container ${id}`, error, signal);
  }
}

export function logQuery({ follow, tailLines, since, timestamps }: LogOptions): LogQuery {
  return {
    follow,
    stdout: true,
    stderr: true,
    timestamps,
    since: since === undefined ? '0' : (since / 1000).toFixed(3),
    tail: tailLines === undefined ? 'all' : String(tailLines),
  };
}
