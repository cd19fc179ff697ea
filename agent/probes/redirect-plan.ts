import { isIPv6 } from 'node:net';
import type { HttpHeader, HttpTarget } from './types.ts';

/** Requests that one probe sends at most: the first and nine that follow a redirect (`RedirectChecker`). */
const maxRequests = 10;

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export type RedirectStep =
  | { readonly do: 'stop' }
  | { readonly do: 'fail'; readonly reason: string }
  | { readonly do: 'follow'; readonly url: HttpTarget; readonly headers: readonly HttpHeader[] };

export interface RedirectAnswer {
  readonly status: number;
  readonly location: string | undefined;
}

/**
 * Where a response leads, by `RedirectChecker` of `pkg/probe/http/http.go` and the rules of Go's HTTP client below it: only
 * to the same host, whatever the port and scheme; a `Host` header of the probe goes on with relative locations only.
 *
 * @param sent requests sent until now
 */
export function planRedirect(
  from: HttpTarget,
  headers: readonly HttpHeader[],
  { status, location }: RedirectAnswer,
  sent: number,
): RedirectStep {
  if (!redirects.has(status) || location === undefined || location === '') return { do: 'stop' };
  const next = resolve(from, location);
  if (next === undefined) return { do: 'fail', reason: `failed to parse Location header ${JSON.stringify(location)}` };
  if (next.hostname.toLowerCase() !== bracketed(from.host).toLowerCase()) return { do: 'stop' };
  const scheme = next.protocol === 'https:' ? 'https' : next.protocol === 'http:' ? 'http' : undefined;
  if (scheme === undefined)
    return { do: 'fail', reason: `unsupported protocol scheme "${next.protocol.slice(0, -1)}"` };
  if (sent >= maxRequests) return { do: 'fail', reason: `stopped after ${maxRequests} redirects` };
  const port = next.port === '' ? (scheme === 'https' ? 443 : 80) : Number(next.port);
  const kept = isRelative(location) ? headers : headers.filter(([name]) => name.toLowerCase() !== 'host');
  return { do: 'follow', url: { scheme, host: from.host, port, path: next.pathname + next.search }, headers: kept };
}

function resolve({ scheme, host, port, path }: HttpTarget, location: string): URL | undefined {
  const base = `${scheme}://${bracketed(host)}:${port}${path}`;
  return URL.canParse(location, base) ? new URL(location, base) : undefined;
}

/** Without a scheme of its own; with one Go's `URL.IsAbs` holds. */
function isRelative(location: string): boolean {
  return !/^[a-z][a-z0-9+.-]*:/iu.test(location);
}

/** As `URL.hostname` writes it: IPv6 in brackets and in its shortest form. */
function bracketed(host: string): string {
  return isIPv6(host) ? new URL(`http://[${host}]`).hostname : host;
}
