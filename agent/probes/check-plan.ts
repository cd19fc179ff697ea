import { expandVariables } from '../objects/expand.ts';
import type { Container } from '../objects/types.ts';
import { kubeletRelease } from '../version.ts';
import type { Check, HttpHeader, ProbeKind } from './types.ts';
import type { Thresholds } from './worker-plan.ts';

type Probe = NonNullable<Container['livenessProbe']>;
type HttpGet = NonNullable<Probe['httpGet']>;
type NamedPorts = Pick<Container, 'ports'>;

/** How a probe is run: its numbers in milliseconds, with the API's defaults for what a manifest leaves out. */
export interface ProbeSettings {
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly thresholds: Thresholds;
  readonly graceSeconds: number | undefined;
}

/** The version that probes name in their `User-Agent`: servers log it, and some choose by it. */
const userAgent = `kube-probe/${kubeletRelease}`;

export function probeOf(container: Container, kind: ProbeKind): Probe | undefined {
  switch (kind) {
    case 'startup':
      return container.startupProbe;
    case 'liveness':
      return container.livenessProbe;
    case 'readiness':
      return container.readinessProbe;
  }
}

/** Defaults: `SetDefaults_Probe` of `pkg/apis/core/v1/defaults.go`. */
export function probeSettings(probe: Probe): ProbeSettings {
  return {
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs: (probe.periodSeconds ?? 10) * 1000,
    timeoutMs: (probe.timeoutSeconds ?? 1) * 1000,
    thresholds: { success: probe.successThreshold ?? 1, failure: probe.failureThreshold ?? 3 },
    graceSeconds: probe.terminationGracePeriodSeconds,
  };
}

/**
 * Resolves a probe to what is done on the wire, as the actions of `pkg/kubelet/prober/prober.go` do: the pod's address
 * where the probe names no host, ports by name, `$(VAR)` in commands from the values that the manifest itself gives.
 */
export function planCheck(probe: Probe, container: Container, podIp: string | undefined): Check {
  if (probe.exec !== undefined) {
    const variables = new Map(container.env.map(({ name, value }) => [name, value ?? '']));
    const command = (probe.exec.command ?? []).map((word) => expandVariables(word, variables));
    return { type: 'exec', command };
  }
  if (probe.httpGet !== undefined) return planHttp(probe.httpGet, container, podIp);
  if (probe.tcpSocket !== undefined) {
    const { host, port } = probe.tcpSocket;
    return at(host, port, container, podIp, (target) => ({ type: 'tcp', ...target }));
  }
  if (probe.grpc !== undefined) {
    const { port, service = '' } = probe.grpc;
    return at(undefined, port, container, podIp, (target) => ({ type: 'grpc', ...target, service }));
  }
  return { type: 'impossible', reason: `missing probe handler for container ${container.name}` };
}

function planHttp(get: HttpGet, container: NamedPorts, podIp: string | undefined): Check {
  const scheme = get.scheme === 'HTTPS' ? 'https' : 'http';
  const headers = requestHeaders(get.httpHeaders ?? []);
  const path = requestPath(get.path ?? '/');
  return at(get.host, get.port, container, podIp, (target) => ({
    type: 'http',
    url: { scheme, ...target, path },
    headers,
  }));
}

function at(
  host: string | undefined,
  port: number | string,
  container: NamedPorts,
  podIp: string | undefined,
  check: (target: { readonly host: string; readonly port: number }) => Check,
): Check {
  const target = host === undefined || host === '' ? podIp : host;
  if (target === undefined || target === '') return { type: 'impossible', reason: 'the pod has no IP address yet' };
  const number = resolvePort(port, container);
  if (number === undefined) return { type: 'impossible', reason: `the container has no port ${JSON.stringify(port)}` };
  return check({ host: target, port: number });
}

/** By name among the container's ports, else a number, also one written as text (`ResolveContainerPort`, `pkg/probe/util.go`). */
function resolvePort(port: number | string, { ports }: NamedPorts): number | undefined {
  const named = ports.find(({ name }) => name !== undefined && name === port);
  const number = named?.containerPort ?? (port === '' ? Number.NaN : Number(port));
  return Number.isInteger(number) && number > 0 && number < 65_536 ? number : undefined;
}

/**
 * The default headers, unless the probe sets them; an empty `Accept` takes it off (`newProbeRequest`,
 * `pkg/probe/http/request.go`).
 */
function requestHeaders(own: readonly { readonly name: string; readonly value: string }[]): readonly HttpHeader[] {
  const names = new Set(own.map(({ name }) => name.toLowerCase()));
  const firstAccept = own.find(({ name }) => name.toLowerCase() === 'accept');
  const kept = own.filter(({ name }) => firstAccept?.value !== '' || name.toLowerCase() !== 'accept');
  const headers = kept.map(({ name, value }): HttpHeader => [name, value]);
  if (!names.has('user-agent')) headers.push(['User-Agent', userAgent]);
  if (!names.has('accept')) headers.push(['Accept', '*/*']);
  return headers;
}

/** The request target: from the root, without fragment, whatever cannot stand in a request line escaped. */
export function requestPath(path: string): string {
  const [target = ''] = path.split('#', 1);
  const rooted = target.startsWith('/') ? target : `/${target}`;
  return rooted.replace(/[^\x21-\x7e]/gu, percentEncode);
}

function percentEncode(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}
