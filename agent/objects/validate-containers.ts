import type { FieldPath } from './field-path.ts';
import { duplicate, forbidden, notFound, repeated, required, type FieldProblem } from './field-problem.ts';
import type { Container, EphemeralContainer, PodSpec } from './types.ts';
import { validateContainer } from './validate-container.ts';
import { validateHostPorts, type PlacedContainer } from './validate-ports.ts';
import { validateHealth } from './validate-probe.ts';
import { validateRestart } from './validate-restart.ts';

/**
 * Checks a pod's containers: app, init and ephemeral ones, each by itself and against the others.
 *
 * Ephemeral containers can be in a manifest, although an API server takes them only for a pod that runs: without one a
 * manifest is the only place to write them.
 *
 * @param path of the spec
 */
export function validateContainers(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const place = <T extends Container>(
    field: string,
    list: readonly T[] = [],
  ): readonly (PlacedContainer & { container: T })[] =>
    list.map((container, index) => ({ container, path: [...path, field, index] }));
  const apps = place('containers', spec.containers);
  const inits = place('initContainers', spec.initContainers);
  const ephemerals = place('ephemeralContainers', spec.ephemeralContainers);
  return [
    ...(apps.length === 0 ? [required([...path, 'containers'])] : []),
    ...validateNames([...apps, ...inits, ...ephemerals]),
    ...apps.flatMap((one) => validateApp(one.container, spec, one.path)),
    ...validateHostPorts(apps),
    ...inits.flatMap((one) => validateInit(one.container, spec, one.path)),
    ...ephemerals.flatMap((one) => validateEphemeral(one.container, spec, one.path)),
  ];
}

/** A name stands for one container of its pod, whatever its kind. */
function validateNames(containers: readonly PlacedContainer[]): readonly FieldProblem[] {
  return repeated(containers, ({ container }) => container.name)
    .flatMap((index) => containers[index] ?? [])
    .map(({ container, path }) => duplicate([...path, 'name'], container.name));
}

function validateApp(container: Container, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  return [
    ...validateContainer(container, spec, path),
    ...validateHealth(container, spec, path),
    ...validateRestart(container, path),
  ];
}

const HEALTH_FIELDS = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;

/** `validateInitContainers`: what only a container that goes on running can have is for sidecars. */
function validateInit(container: Container, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const problems = [
    ...validateContainer(container, spec, path),
    ...validateRestart(container, path),
    // Init containers run one by one.
    ...validateHostPorts([{ container, path }]),
  ];
  if (container.restartPolicy === 'Always') return [...problems, ...validateHealth(container, spec, path)];
  const present = HEALTH_FIELDS.filter((field) => container[field] !== undefined);
  return [
    ...problems,
    ...present.map((field) =>
      forbidden([...path, field], 'may not be set for init containers without restartPolicy=Always'),
    ),
  ];
}

const NOT_EPHEMERAL = 'cannot be set for an Ephemeral Container';

/** `validateEphemeralContainers`: one to look at a pod with, which no work of the pod may rely on. */
function validateEphemeral(container: EphemeralContainer, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const { targetContainerName: target = '' } = container;
  const targets = [...spec.containers, ...(spec.initContainers ?? [])];
  return [
    ...validateContainer(container, spec, path),
    ...(target === '' || targets.some(({ name }) => name === target)
      ? []
      : [notFound([...path, 'targetContainerName'], target)]),
    ...fieldsNotEphemeral(container).map((field) => forbidden([...path, field], NOT_EPHEMERAL)),
    ...container.volumeMounts.flatMap((mount, index) =>
      (['subPath', 'subPathExpr'] as const)
        .filter((field) => (mount[field] ?? '') !== '')
        .map((field) => forbidden([...path, 'volumeMounts', index, field], NOT_EPHEMERAL)),
    ),
  ];
}

function fieldsNotEphemeral(container: EphemeralContainer): readonly string[] {
  const { ports, resources, resizePolicy, restartPolicyRules } = container;
  const present = {
    ports: ports.length > 0,
    resources: Object.keys(resources).length > 0,
    // With resources it can be of their defaulting, and they are told themselves.
    resizePolicy: (resizePolicy ?? []).length > 0 && Object.keys(resources).length === 0,
    restartPolicy: container.restartPolicy !== undefined,
    restartPolicyRules: (restartPolicyRules ?? []).length > 0,
    lifecycle: container.lifecycle !== undefined,
    livenessProbe: container.livenessProbe !== undefined,
    readinessProbe: container.readinessProbe !== undefined,
    startupProbe: container.startupProbe !== undefined,
  };
  return Object.entries(present).flatMap(([field, isPresent]) => (isPresent ? [field] : []));
}
