import type { FieldPath } from './field-path.ts';
import { duplicate, given, invalid, repeated, required, type FieldProblem } from './field-problem.ts';
import { portName } from './names.ts';
import type { Container, ContainerPort } from './types.ts';
import { check } from './validate-metadata.ts';
import { oneOf, validateIp, validatePortNumber } from './validate-values.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** Checks a container's ports (`validateContainerPorts`, `validatePodHostNetworkDeps`). */
export function validatePorts(
  ports: readonly ContainerPort[],
  hostNetwork: boolean,
  path: FieldPath,
): readonly FieldProblem[] {
  return [
    ...ports.flatMap((port, index) => {
      const at = [...path, index];
      return [
        ...(port.name ? check(port.name, portName, [...at, 'name']) : []),
        ...validateNumbers(port, hostNetwork, at),
        ...oneOf(port.protocol, PROTOCOLS, [...at, 'protocol']),
        ...given(port.hostIP || undefined, (ip) => validateIp(ip, [...at, 'hostIP'])),
      ];
    }),
    ...repeated(ports, ({ name }) => name).map((index) =>
      duplicate([...path, index, 'name'], ports[index]?.name ?? ''),
    ),
  ];
}

function validateNumbers(port: ContainerPort, hostNetwork: boolean, path: FieldPath): readonly FieldProblem[] {
  const { containerPort, hostPort = 0 } = port;
  const at = [...path, 'containerPort'];
  // The type demands it, the manifest may lack it.
  if (!containerPort) return [required(at)];
  return [
    ...validatePortNumber(containerPort, at),
    ...(hostPort === 0 ? [] : validatePortNumber(hostPort, [...path, 'hostPort'])),
    ...(hostNetwork && hostPort !== containerPort
      ? [invalid([...path, 'hostPort'], hostPort, 'must match `containerPort` when `hostNetwork` is true')]
      : []),
  ];
}

/** A container and where it is in its pod. */
export interface PlacedContainer {
  readonly container: Container;
  readonly path: FieldPath;
}

/** Containers that run at the same time cannot have the same port of the host (`checkHostPortConflicts`). */
export function validateHostPorts(containers: readonly PlacedContainer[]): readonly FieldProblem[] {
  const taken = containers.flatMap(({ container, path }) =>
    container.ports.flatMap(({ protocol, hostIP = '', hostPort = 0 }, index) => {
      const at = [...path, 'ports', index, 'hostPort'];
      return hostPort === 0 ? [] : [{ at, name: `${protocol}/${hostIP}/${hostPort}` }];
    }),
  );
  return repeated(taken, ({ name }) => name)
    .flatMap((index) => taken[index] ?? [])
    .map(({ at, name }) => duplicate(at, name));
}
