import { open, mkdir } from 'node:fs/promises';
import { dirname, posix } from 'node:path';
import { Writable } from 'node:stream';
import { errorCode } from '../../cni/index.ts';
import type { Container, Pod } from '../objects/types.ts';
import type { ContainerRuntime, Mount, RuntimeContainerStatus, RuntimePod } from '../runtime/types.ts';
import { annotation } from './annotations.ts';
import { allContainers, newestContainer, newestExited } from './observed.ts';

/** Limits of the kubelet (`pkg/kubelet/container/runtime.go`), bytes and lines. */
const maxMessageBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;
/** For all messages of a pod together (`pkg/kubelet/status/status_manager.go`, maxPodMessageLength). */
const maxPodMessageBytes = 12 * 1024;

/** Makes the file that a container may leave its last words in, writable by whatever user it runs as. */
export async function terminationMessageMount(container: Container, path: string): Promise<Mount | undefined> {
  if (container.terminationMessagePath === '') return undefined;
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  const file = await open(path, 'a', 0o666);
  try {
    // Whatever the umask.
    await file.chmod(0o666);
  } finally {
    await file.close();
  }
  const containerPath = posix.resolve('/', container.terminationMessagePath);
  return { hostPath: path, containerPath, readOnly: false, propagation: 'private' };
}

export interface MessageReader {
  readonly runtime: Pick<ContainerRuntime, 'containerLogs'>;
  /** File of a container's instance, see {@link terminationMessageMount}. */
  readonly pathOf: (container: string, attempt: number) => string;
}

/**
 * Reads what the newest ended instance of each container left, once each, into `known` (by container ID). A container that
 * failed without a word speaks by the end of its log where its policy says so.
 */
export async function readTerminationMessages(
  deps: MessageReader,
  pod: Pod,
  observed: RuntimePod,
  known: Map<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const containers = allContainers(pod);
  const limit = Math.min(maxMessageBytes, Math.floor(maxPodMessageBytes / containers.length));
  const ended = containers
    .flatMap(({ name }) => [newestExited(observed, name), newestContainer(observed, name)])
    .filter((status) => status?.state === 'exited');
  for (const id of known.keys()) if (!ended.some((status) => status?.id === id)) known.delete(id);
  for (const status of ended) {
    if (status === undefined || known.has(status.id)) continue;
    known.set(status.id, firstBytes(await messageOf(deps, status, signal), limit));
  }
}

async function messageOf(deps: MessageReader, status: RuntimeContainerStatus, signal: AbortSignal): Promise<string> {
  const written = await readEnd(deps.pathOf(status.name, status.attempt), maxMessageBytes);
  if (written !== '') return joined(status.error, written);
  const policy = status.annotations[annotation.terminationMessagePolicy];
  if (policy === 'FallbackToLogsOnError' && status.exitCode !== 0 && status.startedAt !== 0) {
    const log = await lastLog(deps.runtime, status.id, signal);
    if (log !== '') return joined(status.error, log);
  }
  return status.error;
}

/** What the runtime says goes before what the container said. */
const joined = (error: string, message: string): string => (error === '' ? message : `${error}: ${message}`);

/** The end of a file; empty when there is none. */
async function readEnd(path: string, bytes: number): Promise<string> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytes);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return (size > bytes ? withoutPart(buffer) : buffer).toString('utf8');
  } finally {
    await file.close();
  }
}

async function lastLog(
  runtime: Pick<ContainerRuntime, 'containerLogs'>,
  id: string,
  signal: AbortSignal,
): Promise<string> {
  const chunks: Buffer[] = [];
  const collect = (): Writable =>
    new Writable({
      write: (chunk: Buffer, _, done) => {
        chunks.push(chunk);
        done();
      },
    });
  const options = { follow: false, tailLines: maxLogLines, since: undefined, timestamps: false };
  await runtime.containerLogs(id, options, { stdout: collect(), stderr: collect() }, signal);
  const log = Buffer.concat(chunks);
  const end = log.length > maxLogBytes ? withoutPart(log.subarray(log.length - maxLogBytes)) : log;
  return end.toString('utf8');
}

/** UTF-8 without the rest of a character that a cut has left at its beginning. */
function withoutPart(text: Buffer): Buffer {
  const begin = text.findIndex(isCharacterStart);
  return begin === -1 || begin > 3 ? text : text.subarray(begin);
}

/** The first bytes of a text that is too long, in whole characters. */
function firstBytes(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  let end = bytes;
  while (end > 0 && !isCharacterStart(encoded[end] ?? 0)) end -= 1;
  return encoded.subarray(0, end).toString('utf8');
}

const isCharacterStart = (byte: number): boolean => (byte & 0xc0) !== 0x80;
