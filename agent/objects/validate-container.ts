import { isIP } from 'node:net';
import type { FieldPath } from './field-path.ts';
import { duplicate, invalid, required, unsupported, type FieldProblem } from './field-problem.ts';
import { dns1123Label, envName, portName } from './names.ts';
import { check, syntax } from './validate-metadata.ts';
import { validateResources } from './validate-resources.ts';
import { noControl, validateVolumeMounts } from './validate-volumes.ts';
import type { Container, ContainerPort, EnvVar, PodSpec } from './types.ts';

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** Checks a pod's containers (`validateContainers`), each by itself and against the others. */
export function validateContainers(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const { containers } = spec;
  if (containers.length === 0) return [required(path)];
  return [
    ...containers.flatMap((container, index) => {
      const first = containers.findIndex(({ name }) => name === container.name);
      const repeated = container.name !== undefined && first < index;
      return [
        ...(repeated ? [duplicate([...path, index, 'name'], container.name)] : []),
        ...validateContainer(container, spec, [...path, index]),
      ];
    }),
    ...validateHostPorts(containers, path),
  ];
}

function validateContainer(container: Container, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const { imagePullPolicy, terminationMessagePolicy } = container;
  const text = [...(container.command ?? []), ...(container.args ?? [])];
  return [
    ...syntax(container.name, dns1123Label, [...path, 'name']),
    ...validateImage(container.image, [...path, 'image']),
    ...oneOf(imagePullPolicy, PULL_POLICIES, [...path, 'imagePullPolicy']),
    ...oneOf(terminationMessagePolicy, MESSAGE_POLICIES, [...path, 'terminationMessagePolicy']),
    ...(text.some((part) => part.includes('\0')) ? [invalid([...path, 'args'], '', 'must not contain NUL')] : []),
    ...noControl(container.workingDir ?? '', [...path, 'workingDir']),
    ...validatePorts(container.ports, spec.hostNetwork === true, [...path, 'ports']),
    ...validateEnv(container.env, [...path, 'env']),
    ...validateResources(container.resources, [...path, 'resources']),
    ...validateVolumeMounts(container.volumeMounts, spec.volumes, [...path, 'volumeMounts']),
  ];
}

function validateImage(image: string, path: FieldPath): readonly FieldProblem[] {
  if (image === '') return [required(path)];
  return image.trim() === image ? [] : [invalid(path, image, 'must not have leading or trailing whitespace')];
}

/** Checks a container's ports (`validateContainerPorts`). */
function validatePorts(
  ports: readonly ContainerPort[],
  hostNetwork: boolean,
  path: FieldPath,
): readonly FieldProblem[] {
  return ports.flatMap((port, index) => {
    const at = [...path, index];
    const first = ports.findIndex(({ name }) => name === port.name);
    return [
      ...(port.name ? check(port.name, portName, [...at, 'name']) : []),
      ...(port.name && first < index ? [duplicate([...at, 'name'], port.name)] : []),
      ...validatePortNumbers(port, hostNetwork, at),
      ...oneOf(port.protocol, PROTOCOLS, [...at, 'protocol']),
      ...(port.hostIP && isIP(port.hostIP) === 0
        ? [invalid([...at, 'hostIP'], port.hostIP, 'must be a valid IP address')]
        : []),
    ];
  });
}

function validatePortNumbers(port: ContainerPort, hostNetwork: boolean, path: FieldPath): readonly FieldProblem[] {
  const { containerPort, hostPort = 0 } = port;
  const at = [...path, 'containerPort'];
  // The type demands it, the manifest may lack it.
  if (!containerPort) return [required(at)];
  return [
    ...validatePortNumber(containerPort, at),
    ...(hostPort === 0 ? [] : validatePortNumber(hostPort, [...path, 'hostPort'])),
    ...(hostNetwork && hostPort !== containerPort
      ? [invalid(at, containerPort, 'must match `hostPort` when `hostNetwork` is true')]
      : []),
  ];
}

function validatePortNumber(port: number, path: FieldPath): readonly FieldProblem[] {
  return port >= 1 && port <= 65_535 ? [] : [invalid(path, port, 'must be between 1 and 65535, inclusive')];
}

/** A host port can be had once a pod (`checkHostPortConflicts`). */
function validateHostPorts(containers: readonly Container[], path: FieldPath): readonly FieldProblem[] {
  const taken = new Set<string>();
  return containers.flatMap((container, index) =>
    container.ports.flatMap((port, position) => {
      if ((port.hostPort ?? 0) === 0) return [];
      const name = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort ?? 0}`;
      if (!taken.has(name)) {
        taken.add(name);
        return [];
      }
      return [duplicate([...path, index, 'ports', position, 'hostPort'], name)];
    }),
  );
}

function validateEnv(env: readonly EnvVar[], path: FieldPath): readonly FieldProblem[] {
  return env.flatMap(({ name, value = '' }, index) => [
    ...syntax(name, envName, [...path, index, 'name']),
    ...(value.includes('\0') ? [invalid([...path, index, 'value'], '', 'must not contain NUL')] : []),
  ]);
}

/** Checks a value that must be one of a few. */
export function oneOf(value: string, supported: readonly string[], path: FieldPath): readonly FieldProblem[] {
  return supported.includes(value) ? [] : [unsupported(path, value, supported)];
}
