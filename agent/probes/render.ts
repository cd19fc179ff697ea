import { isIPv6 } from 'node:net';
import type { HttpTarget, ProbeKind } from './types.ts';

/*
 * The texts of probes. People and tools search events for the words of the kubelet ("connection refused", "context deadline
 * exceeded", "statuscode: 500"), so failures read as they do there.
 */

const kindNames: Readonly<Record<ProbeKind, string>> = {
  startup: 'Startup',
  liveness: 'Liveness',
  readiness: 'Readiness',
};

/** Messages of the events (`probe` and `recordContainerEvent` in `pkg/kubelet/prober/prober.go`). */
export const eventMessage = {
  failure: (kind: ProbeKind, output: string) => `${kindNames[kind]} probe failed: ${output}`,
  error: (kind: ProbeKind, reason: string) =>
    `${kindNames[kind]} probe errored and resulted in unknown state: ${reason}`,
  warning: (kind: ProbeKind, output: string) => `${kindNames[kind]} probe warning: ${output}`,
} as const;

/** Why a container is killed (`computePodActions`, `pkg/kubelet/kuberuntime/kuberuntime_manager.go`). */
export function failureMessage(containerName: string, kind: ProbeKind): string {
  return `Container ${containerName} failed ${kind} probe`;
}

export function joinHostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

export function formatUrl({ scheme, host, port, path }: HttpTarget): string {
  return `${scheme}://${joinHostPort(host, port)}${path}`;
}

/** `5s`, `1m30s`, as Go writes a duration of whole seconds. */
export function formatSeconds(ms: number): string {
  const total = Math.round(ms / 1000);
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

const connectReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'connection timed out',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'cannot assign requested address',
};

/** What went wrong on the way to `host:port`. */
export function describeNetworkError(error: unknown, host: string, port: number): string {
  const { code, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { code: '', message: String(error) };
  const reason = connectReasons[code ?? ''];
  const address = joinHostPort(host, port);
  if (reason !== undefined) return `dial tcp ${address}: connect: ${reason}`;
  if (code === 'ECONNRESET' && message === 'socket hang up') return 'EOF';
  if (code === 'ECONNRESET') return `read tcp ${address}: connection reset by peer`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`;
  return message;
}

/** Cuts text at so many bytes of UTF-8, at a character. */
export function cutText(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
