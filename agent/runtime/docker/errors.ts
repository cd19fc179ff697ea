import { RuntimeUnavailableError } from '../types.ts';

/** What the Docker API answered with a status code other than 2xx. */
export class DockerError extends Error {
  override readonly name = 'DockerError';
  readonly statusCode: number;

  constructor(what: string, statusCode: number, message: string, cause: unknown) {
    super(`${what}: ${message}`, { cause });
    this.statusCode = statusCode;
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof DockerError && error.statusCode === 404;
export const isConflict = (error: unknown): boolean => error instanceof DockerError && error.statusCode === 409;
/** Docker answers 304 to starting what runs and to stopping what is stopped. */
export const isNotModified = (error: unknown): boolean => error instanceof DockerError && error.statusCode === 304;

const connectionCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ENOTFOUND', 'EACCES', 'ETIMEDOUT']);

/**
 * The typed error for whatever dockerode threw: {@link DockerError} for an answer of the API,
 * {@link RuntimeUnavailableError} when nobody answered, the signal's reason when the call was aborted.
 */
export function toRuntimeError(what: string, error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (!(error instanceof Error)) return error;
  const { statusCode, code } = error as { statusCode?: number; code?: string };
  if (typeof statusCode === 'number') return new DockerError(what, statusCode, apiMessage(error), error);
  if ((code !== undefined && connectionCodes.has(code)) || error.message.includes('socket hang up')) {
    return new RuntimeUnavailableError(`Docker does not answer (${what}): ${error.message}`, { cause: error });
  }
  return new Error(`${what}: ${error.message}`, { cause: error });
}

function apiMessage(error: Error): string {
  const { json } = error as { json?: unknown };
  if (typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string') {
    return json.message.trim();
  }
  // A request for a stream has no decoded answer: dockerode writes code, its own words and the answer in one line.
  return error.message.replace(/^\(HTTP code \d+\)[^-]*- /, '').trim();
}
