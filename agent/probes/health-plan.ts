/*
 * The two messages of grpc.health.v1 (grpc/grpc `doc/health-checking.md`) as they go over the wire.
 *
 *   request    message HealthCheckRequest  { string service = 1; }
 *   response   message HealthCheckResponse { ServingStatus status = 1; }
 *   frame      1 byte compressed flag, 4 bytes length, message    (grpc/grpc `doc/PROTOCOL-HTTP2.md`)
 */

/** `ServingStatus` by number. */
const servingStatus = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

/** Status codes of gRPC, by number (grpc/grpc `doc/statuscodes.md`). */
const codes = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const;

/** The name of a status code as Go prints it. */
export function codeName(code: number): string {
  return codes[code] ?? `Code(${code})`;
}

/** A framed HealthCheckRequest. */
export function encodeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  return frame;
}

/**
 * The status in a framed HealthCheckResponse, by name, a number of its own when it is not known.
 *
 * @throws MalformedResponseError on anything else
 */
export function decodeHealthResponse(frame: Uint8Array): string {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  if (bytes.length < 5) throw new MalformedResponseError('the response ends within its frame header');
  if (bytes[0] !== 0) throw new MalformedResponseError('the response is compressed, which was not offered');
  const end = 5 + bytes.readUInt32BE(1);
  if (end > bytes.length) throw new MalformedResponseError('the response is shorter than its frame says');
  const status = decodeStatus(bytes.subarray(5, end));
  return servingStatus[status] ?? String(status);
}

export class MalformedResponseError extends Error {
  override readonly name = 'MalformedResponseError';
}

/** Field 1 of the message, 0 when it is left out; the last one counts, fields that are not known are passed over. */
function decodeStatus(message: Buffer): number {
  let status = 0;
  let position = 0;
  while (position < message.length) {
    const key = readVarint(message, position);
    const field = readField(message, key.next, key.value & 7);
    if (key.value === 8) status = field.value;
    position = field.next;
  }
  return status;
}

interface Read {
  readonly value: number;
  /** Where the next one begins. */
  readonly next: number;
}

function readField(message: Buffer, position: number, wireType: number): Read {
  if (wireType === 0) return readVarint(message, position);
  const next = position + fieldLength(message, position, wireType);
  if (next > message.length) throw new MalformedResponseError('a field of the response is cut short');
  return { value: 0, next };
}

function fieldLength(message: Buffer, position: number, wireType: number): number {
  if (wireType === 1) return 8;
  if (wireType === 5) return 4;
  if (wireType !== 2) throw new MalformedResponseError(`the response has a field of unknown type ${wireType}`);
  const length = readVarint(message, position);
  return length.next - position + length.value;
}

/** Of at most ten bytes; what does not fit into 32 bits is cut, as protobuf does with an enum. */
function readVarint(message: Buffer, position: number): Read {
  let value = 0;
  for (let index = 0; index < 10; index += 1) {
    const byte = message[position + index];
    if (byte === undefined) break;
    if (index < 5) value |= (byte & 0x7f) << (7 * index);
    if (byte < 0x80) return { value: value >>> 0, next: position + index + 1 };
  }
  throw new MalformedResponseError('a number in the response does not end');
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}
