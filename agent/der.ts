import { isIPv4 } from 'node:net';

/** A value in DER, the encoding of certificates (ITU-T X.690): tag, length, content. */
export type Der = Buffer;

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function value(tag: number, content: Uint8Array): Der {
  return Buffer.concat([Buffer.of(tag), length(content.length), content]);
}

/** Up to 127 in one byte; longer ones as the number of bytes that follow, and then these. */
function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes);
  const digits = unsigned(BigInt(bytes));
  return Buffer.concat([Buffer.of(0x80 | digits.length), digits]);
}

/** The fewest bytes that hold a number of 0 or more, big-endian. */
function unsigned(number: bigint): Buffer {
  const hex = number.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

export const sequence = (...parts: readonly Der[]): Der => value(tags.sequence, Buffer.concat(parts));

/** SET OF: its parts are in the order of their encodings. */
export const setOf = (...parts: readonly Der[]): Der =>
  value(tags.set, Buffer.concat([...parts].sort((one, other) => Buffer.compare(one, other))));

/** An integer of 0 or more: one whose first bit is set gets a zero before it, or it would be negative. */
export function integer(number: bigint): Der {
  const digits = unsigned(number);
  return value(tags.integer, (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits);
}

export const nullValue = (): Der => value(tags.null, Buffer.alloc(0));
export const boolean = (is: boolean): Der => value(tags.boolean, Buffer.of(is ? 0xff : 0));
export const octetString = (content: Uint8Array): Der => value(tags.octetString, content);
export const utf8String = (text: string): Der => value(tags.utf8String, Buffer.from(text, 'utf8'));
/** For ASCII letters, digits and the characters ` '()+,-./:=?`. */
export const printableString = (text: string): Der => value(tags.printableString, Buffer.from(text, 'ascii'));

/** @param unusedBits how many bits at the end of the last byte do not count */
export const bitString = (content: Uint8Array, unusedBits = 0): Der =>
  value(tags.bitString, Buffer.concat([Buffer.of(unusedBits), content]));

/** Of whole seconds, in UTC; a year of two digits before 2050, as certificates must have it (RFC 5280, 4.1.2.5). */
export function certificateTime(time: Date): Der {
  const text = `${time.toISOString().replaceAll(/[-T:]|\.\d+Z$/g, '')}Z`;
  if (time.getUTCFullYear() >= 2050) return value(tags.generalizedTime, Buffer.from(text, 'ascii'));
  return value(tags.utcTime, Buffer.from(text.slice(2), 'ascii'));
}

/** @param dotted e.g. `2.5.4.3` */
export function objectIdentifier(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return value(tags.objectIdentifier, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** Seven bits a byte, the first bit set in all but the last. */
function base128(number: number): number[] {
  const digits = [number % 0x80];
  for (let rest = Math.floor(number / 0x80); rest > 0; rest = Math.floor(rest / 0x80)) {
    digits.unshift((rest % 0x80) | 0x80);
  }
  return digits;
}

/** `[number] EXPLICIT` and constructed `IMPLICIT` of a context. */
export const contextConstructed = (number: number, content: Uint8Array): Der => value(0xa0 | number, content);
/** `[number] IMPLICIT` of a primitive type. */
export const contextPrimitive = (number: number, content: Uint8Array): Der => value(0x80 | number, content);

/** @param label e.g. `CERTIFICATE` */
export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** An IPv4 or IPv6 address in network order: 4 or 16 bytes. */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const before = groups(head);
  const after = groups(tail ?? '');
  const gap = tail === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...Array.from({ length: gap }, () => 0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

const groups = (text: string): number[] =>
  text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
