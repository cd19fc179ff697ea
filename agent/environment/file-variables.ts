import { messageOf } from '../../cni/index.ts';
import type { Container, FileKeyRef } from '../objects/types.ts';
import { envFileValue } from './env-file.ts';
import { ContainerConfigError } from './errors.ts';

/** A file of a volume, as it is when the container starts; or why it could not be read. */
type EnvFile = { readonly path: string; readonly bytes: Uint8Array } | { readonly problem: unknown };

/** By {@link fileKey}. */
export type EnvFiles = ReadonlyMap<string, EnvFile>;

/** Reads a file of a volume of the pod. `path` is where it is on the host. */
export type ReadVolumeFile = (
  volume: string,
  path: string,
) => Promise<{ readonly path: string; readonly bytes: Uint8Array }>;

/** Bytes of all files that one container refers to: more than the kernel takes as variables, and what the daemon holds at most. */
const largestTogether = 8 * 1024 ** 2;

/** Reads what the variables of a container refer to, each file once. Files after the first 8 MiB are not read. */
export async function readEnvFiles(
  { env }: Pick<Container, 'env'>,
  read: ReadVolumeFile,
  signal: AbortSignal,
): Promise<EnvFiles> {
  const files = new Map<string, EnvFile>();
  let held = 0;
  for (const { valueFrom } of env) {
    const reference = valueFrom?.fileKeyRef;
    if (reference === undefined || files.has(fileKey(reference))) continue;
    const { volumeName, path } = reference;
    const file = held < largestTogether ? await readOrProblem(read(volumeName, path)) : tooLarge;
    signal.throwIfAborted();
    if ('bytes' in file) held += file.bytes.length;
    files.set(fileKey(reference), file);
  }
  return files;
}

const readOrProblem = (reading: Promise<EnvFile>): Promise<EnvFile> =>
  reading.catch((error: unknown) => ({ problem: error }));

const tooLarge: EnvFile = { problem: new Error('the files of the container are larger than 8 MiB together') };

function fileKey({ volumeName, path }: FileKeyRef): string {
  return `${volumeName}/${path}`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The value of a variable out of a file (kubelet `makeEnvironmentVariables`). Undefined: the key is optional and not there. The
 * file itself is not optional, as with the kubelet.
 *
 * @throws {@link ContainerConfigError}
 */
export function fileKeyValue(reference: FileKeyRef, files: EnvFiles): string | undefined {
  const { volumeName, path, key, optional = false } = reference;
  const file = files.get(fileKey(reference)) ?? { problem: new Error('it was not read') };
  if ('problem' in file) throw unreadable(volumeName, path, file.problem);
  const value = parse(reference, file.bytes);
  if (value !== undefined || optional) return value;
  throw new ContainerConfigError(
    `environment variable key ${JSON.stringify(key)} not found in file ${JSON.stringify(file.path)}`,
  );
}

/** A byte a character: of the file only the value must be text. */
function parse({ volumeName, path, key }: FileKeyRef, bytes: Uint8Array): string | undefined {
  try {
    const value = envFileValue(Buffer.from(bytes).toString('latin1'), key);
    return value === undefined ? undefined : textOf(value);
  } catch (error) {
    throw unreadable(volumeName, path, error);
  }
}

function textOf(value: string): string {
  try {
    return utf8.decode(Buffer.from(value, 'latin1'));
  } catch {
    // Without the cause, which may tell of the value.
    throw new Error('the value is not valid UTF-8');
  }
}

/** Begins as the kubelet's, which tells no more than this beginning. */
function unreadable(volume: string, path: string, cause: unknown): ContainerConfigError {
  const file = `${JSON.stringify(path)} of volume ${JSON.stringify(volume)}`;
  return new ContainerConfigError(`couldn't parse env file: ${file}: ${messageOf(cause)}`, { cause });
}
