import type { ObjectReader, Pod, Service } from '../objects/types.ts';

/*
 * Variables that tell a container of Services (`pkg/kubelet/envvars/envvars.go`). For a Service `db` at 192.0.2.7
 * with the ports `sql` 5432 and `admin` 80:
 *
 *   DB_SERVICE_HOST=192.0.2.7
 *   DB_SERVICE_PORT=5432                        the first port
 *   DB_SERVICE_PORT_SQL=5432                    each port with a name
 *   DB_SERVICE_PORT_ADMIN=80
 *   DB_PORT=tcp://192.0.2.7:5432                the first port, as Docker's links had it
 *   DB_PORT_5432_TCP=tcp://192.0.2.7:5432       each port
 *   DB_PORT_5432_TCP_PROTO=tcp
 *   DB_PORT_5432_TCP_PORT=5432
 *   DB_PORT_5432_TCP_ADDR=192.0.2.7
 */

type Variable = readonly [name: string, value: string];

/**
 * The Service variables of a pod: all Services of its namespace when `enableServiceLinks` is not false, and the Service
 * default/kubernetes always, as clients inside a cluster find the API by it (kubelet `getServiceEnvVarMap`). Services
 * without an address have none.
 */
export function serviceVariables(pod: Pod, objects: Pick<ObjectReader, 'objects'>): ReadonlyMap<string, string> {
  const services = objects
    .objects('Service')
    .filter(hasAddress)
    .sort((a, b) => compare(a.metadata.name, b.metadata.name));
  const links = pod.spec.enableServiceLinks ?? true;
  const own = services.filter(({ metadata }) => links && metadata.namespace === pod.metadata.namespace);
  const api = services.filter(({ metadata }) => metadata.namespace === 'default' && metadata.name === 'kubernetes');
  // A Service `kubernetes` of the pod's own namespace takes the place of the API's.
  const chosen = new Map([...api, ...own].map((service) => [service.metadata.name, service]));
  return new Map([...chosen.values()].flatMap(variablesOf));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function hasAddress({ spec }: Service): boolean {
  const address = spec?.clusterIP ?? '';
  return address !== '' && address !== 'None';
}

function variablesOf({ metadata, spec }: Service): readonly Variable[] {
  const name = variableName(metadata.name);
  const address = spec?.clusterIP ?? '';
  const ports = (spec?.ports ?? []).map(({ port, protocol, name: portName }) => ({ port, protocol, portName }));
  const [first] = ports;
  return [
    [`${name}_SERVICE_HOST`, address],
    ...(first === undefined ? [] : [[`${name}_SERVICE_PORT`, String(first.port)] as const]),
    ...ports.flatMap(({ port, portName = '' }): readonly Variable[] =>
      portName === '' ? [] : [[`${name}_SERVICE_PORT_${variableName(portName)}`, String(port)]],
    ),
    ...(first === undefined ? [] : [[`${name}_PORT`, url(address, first)] as const]),
    ...ports.flatMap((port) => linkVariables(name, address, port)),
  ];
}

interface Port {
  readonly port: number;
  readonly protocol: string | undefined;
}

function linkVariables(name: string, address: string, port: Port): readonly Variable[] {
  const protocol = protocolOf(port);
  const prefix = `${name}_PORT_${port.port}_${protocol.toUpperCase()}`;
  return [
    [prefix, url(address, port)],
    [`${prefix}_PROTO`, protocol],
    [`${prefix}_PORT`, String(port.port)],
    [`${prefix}_ADDR`, address],
  ];
}

function url(address: string, port: Port): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return `${protocolOf(port)}://${host}:${port.port}`;
}

function protocolOf({ protocol }: Port): string {
  return (protocol || 'TCP').toLowerCase();
}

function variableName(name: string): string {
  const upper = name.replace(/[-.]/g, '_').toUpperCase();
  return /^\d/.test(upper) ? `_${upper}` : upper;
}
