/*
 * Messages of the subprotocols `channel.k8s.io` (apimachinery `pkg/util/httpstream/wsstream`): the first byte is the
 * channel, the rest is data. With `base64.channel.k8s.io` both are text: a digit, then base64.
 */

export type ChannelCodec = 'binary' | 'base64';

export interface ChannelMessage {
  readonly channel: number;
  readonly data: Buffer;
}

/** Channels of exec and attach (`remotecommand/websocket.go`); `close` only in version 5, its data is the channel closed. */
export const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

const digitZero = '0'.charCodeAt(0);

export function encodeMessage(codec: ChannelCodec, channel: number, data: Uint8Array): Buffer | string {
  if (codec === 'base64') return String.fromCharCode(digitZero + channel) + Buffer.from(data).toString('base64');
  return Buffer.concat([Buffer.of(channel), data]);
}

/** @returns undefined for an empty message, which says nothing */
export function decodeMessage(codec: ChannelCodec, message: Buffer): ChannelMessage | undefined {
  const first = message[0];
  if (first === undefined) return undefined;
  const data = message.subarray(1);
  if (codec === 'binary') return { channel: first, data };
  return { channel: (first - digitZero) & 255, data: Buffer.from(data.toString('latin1'), 'base64') };
}

/** What a subprotocol of exec and attach, or of port-forward, stands for. */
export interface ChannelProtocol {
  readonly codec: ChannelCodec;
  /** Whether the end is told as a v1 Status, or as text. */
  readonly form: 'status' | 'text';
  /** Whether the client can close stdin. */
  readonly closes: boolean;
}

/** By name; a client that names none means the first version. */
export const commandProtocols: Readonly<Record<string, ChannelProtocol>> = {
  'v5.channel.k8s.io': { codec: 'binary', form: 'status', closes: true },
  'v4.channel.k8s.io': { codec: 'binary', form: 'status', closes: false },
  'v4.base64.channel.k8s.io': { codec: 'base64', form: 'status', closes: false },
  'channel.k8s.io': { codec: 'binary', form: 'text', closes: false },
  'base64.channel.k8s.io': { codec: 'base64', form: 'text', closes: false },
};

export const firstProtocol: ChannelProtocol = { codec: 'binary', form: 'text', closes: false };
