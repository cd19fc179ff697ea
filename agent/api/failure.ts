import { errorCode } from '../../cni/index.ts';
import { ApiStatusError, ApiUnavailableError, type ApiStatus } from './errors.ts';

/** Codes that OpenSSL and Node.js give when the server's certificate, or ours, is not accepted. */
const tlsCode = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO$)/;

/** Long enough to recognise the page of a proxy. */
const maxBodyText = 200;

function isTlsFailure(error: unknown): boolean {
  return error instanceof Error && (tlsCode.test(errorCode(error) ?? '') || isTlsFailure(error.cause));
}

/** Whether other credentials might help, or a link was in use after it had been replaced. */
export function isOutdatedLink(error: unknown): boolean {
  if (error instanceof ApiStatusError) return error.code === 401;
  return isTlsFailure(error) || (error instanceof Error && /^UND_ERR_(CLOSED|DESTROYED)$/.test(errorCode(error) ?? ''));
}

/** @param what the call, e.g. `list nodes` */
export function unavailable(what: string, error: unknown): ApiUnavailableError {
  return new ApiUnavailableError(`${what}: ${reasonOf(error)}`, { cause: error });
}

/** @param body what the server answered: a `Status`, or the page of a proxy on the way */
export function refused(
  what: string,
  code: number,
  body: string,
  retryAfter: string | readonly string[] | undefined,
): ApiStatusError {
  const seconds = typeof retryAfter === 'string' ? Number(retryAfter) : Number.NaN;
  return new ApiStatusError(what, code, readStatus(code, body), seconds >= 0 ? seconds * 1000 : undefined);
}

function readStatus(code: number, body: string): ApiStatus {
  const page: ApiStatus = { message: [`HTTP ${code}`, body.slice(0, maxBodyText).trim()].filter(Boolean).join(': ') };
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return page;
  }
  return isStatus(value) ? value : page;
}

/** Whether a value is a `v1 Status`, as far as it is read. */
export function isStatus(value: unknown): value is ApiStatus {
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'Status') return false;
  const { message, reason, code } = value as { message?: unknown; reason?: unknown; code?: unknown };
  const isText = (text: unknown): boolean => text === undefined || typeof text === 'string';
  return isText(message) && isText(reason) && (code === undefined || typeof code === 'number');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses of a name were tried: Node.js leaves the message of the whole empty.
  const each = error instanceof AggregateError ? error.errors.map(reasonOf).join(', ') : '';
  const message = error.message || each || errorCode(error) || error.name;
  return isTlsFailure(error) ? `${message} (check the cluster's certificate authority and server name)` : message;
}
