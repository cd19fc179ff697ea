import { setMaxListeners } from 'node:events';
import { createWebSocketStream } from 'ws';
import { untilAborted } from '../../until-aborted.ts';
import { endOf } from './command-run.ts';
import { type DialPort, forward } from './port-forward-run.ts';
import { forwardOverSpdy, portForwardProtocol } from './port-forward-spdy.ts';
import type { StreamingLimits, UpgradeRequest } from './types.ts';
import { listOf, refuse } from './upgrade.ts';
import { acceptWebSocket } from './websocket/accept.ts';
import { ChannelStream } from './websocket/channel-stream.ts';
import type { ChannelCodec } from './websocket/channels.ts';
import { ChannelConnection } from './websocket/connection.ts';

/** SPDY frames in binary messages, which hold no frame boundaries (KEP-4006). */
const tunnelProtocol = `SPDY/3.1+${portForwardProtocol}`;

const codecs: Readonly<Record<string, ChannelCodec>> = {
  '': 'binary',
  'v4.channel.k8s.io': 'binary',
  'v4.base64.channel.k8s.io': 'base64',
};

/** Channels are one byte, two for a port. */
const maxPorts = 127;

export async function servePortForwardOverWebSocket(
  upgrade: UpgradeRequest,
  dial: DialPort,
  limits: StreamingLimits,
): Promise<void> {
  const { request, socket } = upgrade;
  const tunnels = listOf(request.headers['sec-websocket-protocol']).includes(tunnelProtocol);
  const ports = tunnels ? [] : portsOf(request.url ?? '');
  if (ports === undefined) {
    const message = `1 to ${maxPorts} ports from 1 to 65535 are required, as query parameters named port`;
    return refuse(socket, { status: 400, message, headers: [] });
  }
  const served = tunnels ? [tunnelProtocol] : Object.keys(codecs);
  const accepted = await acceptWebSocket(upgrade, served);
  if (accepted === undefined) return;
  const { webSocket, protocol } = accepted;
  if (tunnels) return forwardOverSpdy(createWebSocketStream(webSocket), Buffer.alloc(0), dial, limits);
  const streams: ChannelStream[] = [];
  const connection = new ChannelConnection(webSocket, codecs[protocol] ?? 'binary', limits.idleTimeoutMs, (message) =>
    streams[message.channel]?.deliver(message.data),
  );
  setMaxListeners(0, connection.closed); // One for each channel.
  streams.push(...ports.flatMap((_, i) => [2 * i, 2 * i + 1]).map((channel) => new ChannelStream(connection, channel)));
  await Promise.all(
    ports.map((port, i) => forwardPort(port, streams[2 * i], streams[2 * i + 1], dial, connection.closed)),
  );
  connection.close();
  await untilAborted(connection.closed);
}

/**
 * One port of the old protocol: a data and an error channel, each beginning with the port, two bytes, little endian
 * (kubelet `pkg/cri/streaming/portforward/websocket.go`).
 */
async function forwardPort(
  port: number,
  data: ChannelStream | undefined,
  error: ChannelStream | undefined,
  dial: DialPort,
  closed: AbortSignal,
): Promise<void> {
  if (data === undefined || error === undefined) return;
  const head = Buffer.alloc(2);
  head.writeUInt16LE(port);
  data.write(head);
  error.write(head);
  error.resume();
  data.once('finish', () => data.endInput()); // The client cannot say that it has ended too.
  const failure = await forward(data, port, dial, closed);
  if (failure !== undefined) await endOf(error, failure);
}

/** The ports in a request's query, as `port=80&port=81` or `port=80,81`; undefined when they are none or no ports. */
export function portsOf(url: string): readonly number[] | undefined {
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1));
  const ports = query
    .getAll('port')
    .flatMap((value) => value.split(','))
    .map((value) => (/^\d{1,5}$/.test(value) ? Number(value) : 0));
  const areValid = ports.length > 0 && ports.length <= maxPorts && ports.every((port) => port > 0 && port < 65_536);
  return areValid ? ports : undefined;
}
