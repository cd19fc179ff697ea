/** A file of an archive that the kernel unpacks at boot. */
export interface ArchiveFile {
  /** Without a leading slash. */
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
}

const DIRECTORY = 0o040755;
const REGULAR = 0o100000;

/** A cpio archive in the format `newc` (Linux: `Documentation/driver-api/early-userspace/buffer-format.rst`). */
export function cpio(files: readonly ArchiveFile[]): Buffer {
  const entries = [
    ...directoriesOf(files).map((path) => ({ path, content: Buffer.alloc(0), mode: DIRECTORY })),
    ...files.map((file) => ({ ...file, mode: REGULAR | file.mode })),
    { path: 'TRAILER!!!', content: Buffer.alloc(0), mode: 0 },
  ];
  return Buffer.concat(entries.flatMap((entry, index) => entryOf(entry, index + 1)));
}

/** Parents before what is in them. */
function directoriesOf(files: readonly ArchiveFile[]): string[] {
  const found = new Set<string>();
  for (const { path } of files) {
    const parts = path.split('/').slice(0, -1);
    parts.forEach((_, index) => found.add(parts.slice(0, index + 1).join('/')));
  }
  return [...found].sort();
}

function entryOf({ path, content, mode }: ArchiveFile, inode: number): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, uid, gid, links, mtime, size, device (2), device of a node (2), length of the name, checksum
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [header, name, padding(header.length + name.length), content, padding(content.length)];
}

const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);
