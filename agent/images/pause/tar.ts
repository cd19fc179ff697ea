/** One regular file of a tar archive. */
export interface TarFile {
  /** At most 100 bytes of ASCII, relative. */
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

const BLOCK = 512;

/** A POSIX ustar archive of `files`: owner root, times 0, so that the same files are always the same bytes. */
export function tar(files: readonly TarFile[]): Uint8Array {
  const blocks = files.flatMap(({ path, mode, content }) => [header(path, mode, content.length), padded(content)]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function padded(content: Uint8Array): Buffer {
  const block = Buffer.alloc(Math.ceil(content.length / BLOCK) * BLOCK);
  block.set(content);
  return block;
}

/** Field offsets and lengths: POSIX.1-2017, pax, "ustar Interchange Format". */
function header(path: string, mode: number, size: number): Buffer {
  if (path.length > 100) throw new RangeError(`tar: path longer than 100 bytes: ${path}`);
  const block = Buffer.alloc(BLOCK);
  block.write(path, 0, 'ascii');
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108); // user
  block.write(octal(0, 8), 116); // group
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136); // modification time
  block.write(' '.repeat(8), 148); // the checksum counts its own field as spaces
  block.write('0', 156); // regular file
  block.write('ustar\u000000', 257);
  block.write(octal(checksum(block), 7), 148);
  return block;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}

function checksum(block: Uint8Array): number {
  return block.reduce((sum, byte) => sum + byte, 0);
}
