/** A value in DER as it was read. */
export interface DerValue {
  readonly tag: number;
  readonly content: Buffer;
  /** With tag and length. */
  readonly whole: Buffer;
}

/** The values that stand one after the other. Meant for what has been parsed as a certificate before. @throws RangeError */
export function readDer(bytes: Buffer): readonly DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const value = readFirst(bytes.subarray(at));
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

/** @throws RangeError */
export function readFirst(bytes: Buffer): DerValue {
  const first = bytes.readUInt8(1);
  const digits = first < 0x80 ? 0 : first & 0x7f;
  const length = digits === 0 ? first : bytes.readUIntBE(2, digits);
  const start = 2 + digits;
  if (start + length > bytes.length) throw new RangeError(`DER: ${length} bytes are announced, fewer follow`);
  return {
    tag: bytes.readUInt8(0),
    content: bytes.subarray(start, start + length),
    whole: bytes.subarray(0, start + length),
  };
}
