import { untilAborted } from '../../until-aborted.ts';
import { endOf, runToEnd } from './command-run.ts';
import { renderEnd } from './command-status.ts';
import { TerminalSizes } from './terminal-size.ts';
import type { CommandOptions, RunCommand, StreamingLimits, UpgradeRequest } from './types.ts';
import { acceptWebSocket } from './websocket/accept.ts';
import { ChannelStream } from './websocket/channel-stream.ts';
import { type ChannelMessage, channels, commandProtocols, firstProtocol } from './websocket/channels.ts';
import { ChannelConnection } from './websocket/connection.ts';

/** Exec and attach over WebSocket (kubelet `pkg/cri/streaming/remotecommand/websocket.go`). */
export async function serveCommandOverWebSocket(
  upgrade: UpgradeRequest,
  options: CommandOptions,
  run: RunCommand,
  limits: StreamingLimits,
): Promise<void> {
  const accepted = await acceptWebSocket(upgrade, ['', ...Object.keys(commandProtocols)]);
  if (accepted === undefined) return;
  const { codec, form, closes } = commandProtocols[accepted.protocol] ?? firstProtocol;
  const sizes = new TerminalSizes();
  const onMessage = ({ channel, data }: ChannelMessage): void => {
    if (channel === channels.stdin && options.stdin) streams.stdin.deliver(data);
    else if (channel === channels.resize) sizes.take(data);
    else if (closes && channel === channels.close && data[0] === channels.stdin) streams.stdin.endInput();
  };
  const connection = new ChannelConnection(accepted.webSocket, codec, limits.idleTimeoutMs, onMessage);
  const streams = streamsOf(connection);
  connection.send(lowestWritable(options), Buffer.alloc(0)); // Tells the client that the session is there.
  const command = {
    tty: options.tty,
    ...(options.stdin ? { stdin: streams.stdin } : {}),
    ...(options.stdout ? { stdout: streams.stdout } : {}),
    ...(options.stderr ? { stderr: streams.stderr } : {}),
    ...(options.tty ? { onResize: sizes.onResize } : {}),
  };
  const end = renderEnd(await runToEnd(run, command, connection.closed), form);
  if (end !== '') await endOf(streams.error, end);
  connection.close();
  await untilAborted(connection.closed);
}

interface SessionStreams {
  readonly stdin: ChannelStream;
  readonly stdout: ChannelStream;
  readonly stderr: ChannelStream;
  readonly error: ChannelStream;
}

const streamsOf = (connection: ChannelConnection): SessionStreams => ({
  stdin: new ChannelStream(connection, channels.stdin),
  stdout: new ChannelStream(connection, channels.stdout),
  stderr: new ChannelStream(connection, channels.stderr),
  error: new ChannelStream(connection, channels.error),
});

function lowestWritable({ stdout, stderr }: CommandOptions): number {
  if (stdout) return channels.stdout;
  return stderr ? channels.stderr : channels.error;
}
