import type { FieldPath } from './field-path.ts';
import { forbidden, given, invalid, required, type FieldProblem } from './field-problem.ts';
import { httpHeader } from './names.ts';
import { STOP_SIGNALS } from './stop-signals.ts';
import type { Container, Lifecycle, PodSpec, Probe } from './types.ts';
import { check } from './validate-metadata.ts';
import { notNegative, oneOf, positive, validatePort } from './validate-values.ts';

type Hook = NonNullable<Lifecycle['preStop']>;
type Handler = Probe & Hook;

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;
const SCHEMES = ['HTTP', 'HTTPS'];

/** Checks a container's probes and hooks (`validateLivenessProbe` and its neighbours, `validateLifecycle`). */
export function validateHealth(container: Container, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  return [
    ...given(lifecycle, (hooks) => validateLifecycle(hooks, spec, [...path, 'lifecycle'])),
    ...given(livenessProbe, (probe) => validateKillingProbe(probe, [...path, 'livenessProbe'])),
    ...given(readinessProbe, (probe) => validateReadinessProbe(probe, [...path, 'readinessProbe'])),
    ...given(startupProbe, (probe) => validateKillingProbe(probe, [...path, 'startupProbe'])),
  ];
}

/** A container that a probe can kill has passed it with its first success. */
function validateKillingProbe(probe: Probe, path: FieldPath): readonly FieldProblem[] {
  const { successThreshold = 1 } = probe;
  return [
    ...validateProbe(probe, path),
    ...(successThreshold === 1 ? [] : [invalid([...path, 'successThreshold'], successThreshold, 'must be 1')]),
  ];
}

function validateReadinessProbe(probe: Probe, path: FieldPath): readonly FieldProblem[] {
  return [
    ...validateProbe(probe, path),
    ...given(probe.terminationGracePeriodSeconds, (seconds) => [
      invalid([...path, 'terminationGracePeriodSeconds'], seconds, 'must not be set for readinessProbes'),
    ]),
  ];
}

const NUMBERS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

function validateProbe(probe: Probe, path: FieldPath): readonly FieldProblem[] {
  const { terminationGracePeriodSeconds: grace } = probe;
  return [
    ...validateHandler(probe, undefined, path),
    ...NUMBERS.flatMap((name) => given(probe[name], (value) => notNegative(value, [...path, name]))),
    ...given(grace, (seconds) => positive(seconds, [...path, 'terminationGracePeriodSeconds'])),
  ];
}

function validateLifecycle(lifecycle: Lifecycle, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const grace = spec.terminationGracePeriodSeconds;
  return [
    ...given(lifecycle.postStart, (hook) => validateHandler(hook, grace, [...path, 'postStart'])),
    ...given(lifecycle.preStop, (hook) => validateHandler(hook, grace, [...path, 'preStop'])),
    ...given(lifecycle.stopSignal, (signal) => validateStopSignal(signal, spec, [...path, 'stopSignal'])),
  ];
}

/** Signals differ between operating systems, so the pod must say on which it runs (KEP-4960). */
function validateStopSignal(signal: string, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  if (!spec.os?.name) return [forbidden(path, 'may not be set for containers with empty `spec.os.name`')];
  return oneOf(signal, STOP_SIGNALS, path);
}

/**
 * Exactly one way to do it (`validateHandler`).
 *
 * @param grace seconds that the pod has to end, which a sleep may not outlast
 */
function validateHandler(
  handler: Partial<Handler>,
  grace: number | undefined,
  path: FieldPath,
): readonly FieldProblem[] {
  const [first, ...more] = HANDLERS.filter((name) => handler[name] !== undefined);
  if (first === undefined) return [required(path, 'must specify a handler type')];
  return [
    ...validateAction(handler, first, grace, [...path, first]),
    ...more.map((name) => forbidden([...path, name], 'may not specify more than 1 handler type')),
  ];
}

function validateAction(
  handler: Partial<Handler>,
  name: (typeof HANDLERS)[number],
  grace: number | undefined,
  path: FieldPath,
): readonly FieldProblem[] {
  switch (name) {
    case 'exec':
      return (handler.exec?.command ?? []).length === 0 ? [required([...path, 'command'])] : [];
    case 'httpGet':
      return given(handler.httpGet, (httpGet) => validateHttpGet(httpGet, path));
    case 'tcpSocket':
      return validatePort(handler.tcpSocket?.port, [...path, 'port']);
    case 'grpc':
      return validatePort(handler.grpc?.port, [...path, 'port']);
    case 'sleep':
      return validateSleep(handler.sleep?.seconds ?? 0, grace ?? 0, path);
  }
}

function validateHttpGet(httpGet: NonNullable<Probe['httpGet']>, path: FieldPath): readonly FieldProblem[] {
  return [
    ...validatePort(httpGet.port, [...path, 'port']),
    ...oneOf(httpGet.scheme ?? '', SCHEMES, [...path, 'scheme']),
    ...(httpGet.httpHeaders ?? []).flatMap(({ name = '' }, index) =>
      check(name, httpHeader, [...path, 'httpHeaders', index, 'name']),
    ),
  ];
}

/** A negative grace period is told at its own field. */
function validateSleep(seconds: number, grace: number, path: FieldPath): readonly FieldProblem[] {
  if (grace < 0 || (seconds >= 0 && seconds <= grace)) return [];
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
  return [invalid([...path, 'seconds'], seconds, detail)];
}
