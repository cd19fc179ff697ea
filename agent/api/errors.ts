/** A `v1 Status`, the part that callers read. */
export interface ApiStatus {
  readonly code?: number;
  /** CamelCase: `NotFound`, `AlreadyExists`, `Expired`, … */
  readonly reason?: string;
  readonly message?: string;
  readonly details?: unknown;
}

/** The API server refused: it answered with another code than 2xx. */
export class ApiStatusError extends Error {
  override readonly name = 'ApiStatusError';
  /** Of HTTP. */
  readonly code: number;
  readonly reason: string;
  readonly details: unknown;
  /** From `Retry-After`. */
  readonly retryAfterMs: number | undefined;

  /** @param what the call, e.g. `patch pods default/web status` */
  constructor(what: string, code: number, status: ApiStatus, retryAfterMs?: number) {
    super(`${what}: ${status.message ?? `HTTP ${code}`}`);
    this.code = code;
    this.reason = status.reason ?? '';
    this.details = status.details;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The API server could not be reached, or did not answer in time. */
export class ApiUnavailableError extends Error {
  override readonly name = 'ApiUnavailableError';
}

const hasCode =
  (code: number) =>
  (error: unknown): error is ApiStatusError =>
    error instanceof ApiStatusError && error.code === code;

export const isNotFound = hasCode(404);
export const isForbidden = hasCode(403);
export const isUnauthorized = hasCode(401);
/** A resource version that the server does not have any more. */
export const isGone = hasCode(410);

export function isAlreadyExists(error: unknown): error is ApiStatusError {
  return error instanceof ApiStatusError && error.code === 409 && error.reason === 'AlreadyExists';
}

/** Somebody else changed the object meanwhile. */
export function isConflict(error: unknown): error is ApiStatusError {
  return error instanceof ApiStatusError && error.code === 409 && error.reason !== 'AlreadyExists';
}
