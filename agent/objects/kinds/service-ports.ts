import type { FieldPath } from '../field-path.ts';
import { duplicate, forbidden, given, invalid, required, type FieldProblem } from '../field-problem.ts';
import { dns1123Label, portName, qualifiedName } from '../names.ts';
import type { Service } from '../types.ts';
import { oneOf } from '../validate-values.ts';
import { check } from '../validate-metadata.ts';

type Spec = NonNullable<Service['spec']>;
type Port = NonNullable<Spec['ports']>[number];

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const PORT_RANGE = 'must be between 1 and 65535, inclusive';

/** Checks the ports of a Service (`validateServicePort` and `ValidateService`). */
export function validatePorts(service: Spec, path: FieldPath): readonly FieldProblem[] {
  const ports = service.ports ?? [];
  if (ports.length === 0) {
    return service.clusterIP === 'None' || service.type === 'ExternalName' ? [] : [required(path)];
  }
  return [
    ...ports.flatMap((port, index) => validatePort(port, ports.length > 1, [...path, index])),
    ...ports.flatMap((port, index) =>
      validateNodePort(port, service.type || 'ClusterIP', [...path, index, 'nodePort']),
    ),
    ...repeated(ports, path),
  ];
}

function validatePort(port: Port, named: boolean, path: FieldPath): readonly FieldProblem[] {
  const name = [...path, 'name'];
  return [
    ...(port.name ? check(port.name, dns1123Label, name) : named ? [required(name)] : []),
    ...validateNumber(port.port, [...path, 'port']),
    ...oneOf(port.protocol || 'TCP', PROTOCOLS, [...path, 'protocol']),
    ...validateTarget(port.targetPort, [...path, 'targetPort']),
    ...given(port.appProtocol, (protocol) => check(protocol, qualifiedName, [...path, 'appProtocol'])),
  ];
}

function validateNumber(port: number | undefined, path: FieldPath): readonly FieldProblem[] {
  if (port === undefined) return [required(path)];
  return port >= 1 && port <= 65_535 ? [] : [invalid(path, port, PORT_RANGE)];
}

/** A number, or the name of a container's port; 0 and empty text stand for the Service's own port. */
function validateTarget(target: unknown, path: FieldPath): readonly FieldProblem[] {
  if (target === undefined || target === '' || target === 0) return [];
  if (typeof target === 'string') return check(target, portName, path);
  if (typeof target === 'number' && Number.isSafeInteger(target)) return validateNumber(target, path);
  return [invalid(path, target, 'must be a port number or the name of a port')];
}

function validateNodePort(port: Port, type: string, path: FieldPath): readonly FieldProblem[] {
  const { nodePort = 0 } = port;
  if (nodePort === 0) return [];
  if (type === 'ClusterIP') return [forbidden(path, "may not be used when `type` is 'ClusterIP'")];
  return validateNumber(nodePort, path);
}

/** Names, ports and node ports may not come twice; TCP and UDP are ranges of their own. */
function repeated(ports: readonly Port[], path: FieldPath): readonly FieldProblem[] {
  const protocol = (port: Port): string => port.protocol || 'TCP';
  return [
    ...repeatedBy(ports, 'name', (port) => port.name ?? '', path),
    ...repeatedBy(ports, 'port', (port) => `${protocol(port)}/${port.port}`, path),
    ...repeatedBy(ports, 'nodePort', (port) => (port.nodePort ? `${protocol(port)}/${port.nodePort}` : ''), path),
  ];
}

function repeatedBy(
  ports: readonly Port[],
  name: 'name' | 'port' | 'nodePort',
  keyOf: (port: Port) => string,
  path: FieldPath,
): readonly FieldProblem[] {
  const keys = ports.map(keyOf);
  return keys.flatMap((key, index) =>
    key !== '' && keys.indexOf(key) < index ? [duplicate([...path, index, name], ports[index]?.[name])] : [],
  );
}
