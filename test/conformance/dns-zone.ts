import type { Answer, Question } from 'dns-packet';
import type { ApiObject } from '../../agent/api/types.ts';

/** The parts of a Service that names are made of. */
export interface ServiceObject extends ApiObject {
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly externalName?: string;
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
  };
}

export interface EndpointsObject extends ApiObject {
  readonly subsets?: readonly {
    readonly addresses?: readonly { readonly ip: string; readonly hostname?: string }[];
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
  }[];
}

/** Undefined: there is no such name. An empty list: there is, with no record of that type. */
export type Lookup = (question: Question) => readonly Answer[] | undefined;

/** The records of a name, by type. */
type Records = Map<string, Answer[]>;

const ttl = 5;

/**
 * The names of a cluster (Kubernetes DNS-Based Service Discovery 1.1.0), as far as its own tests ask for them: Services with and
 * without an address, their ports, external names, pods by address, and the way back from addresses.
 *
 * @param domain e.g. `cluster.local`
 */
export function clusterZone(
  domain: string,
  services: readonly ServiceObject[],
  endpoints: readonly EndpointsObject[],
): Lookup {
  const records: Records = new Map();
  const add = (answer: Answer): void => {
    records.set(answer.name, [...(records.get(answer.name) ?? []), answer]);
  };
  add({ name: `dns-version.${domain}`, type: 'TXT', ttl, data: '1.1.0' });
  const addressesOf = new Map(endpoints.map((object) => [keyOf(object), object]));
  for (const service of services) {
    const name = `${service.metadata.name}.${service.metadata.namespace ?? ''}.svc.${domain}`;
    const { type, clusterIP, externalName = '' } = service.spec;
    if (type === 'ExternalName') add({ name, type: 'CNAME', ttl, data: externalName });
    else if (clusterIP === 'None') addHeadless(add, name, addressesOf.get(keyOf(service)));
    else if (clusterIP !== undefined && clusterIP !== '') addService(add, name, clusterIP, service.spec.ports ?? []);
  }
  return lookupIn(records, domain);
}

export const keyOf = ({ metadata: { namespace, name } }: ApiObject): string => `${namespace ?? ''}/${name}`;

type Add = (answer: Answer) => void;
type Port = { readonly name?: string; readonly port: number; readonly protocol?: string };

function addService(add: Add, name: string, address: string, ports: readonly Port[]): void {
  add({ name, type: 'A', ttl, data: address });
  add({ name: reverse(address), type: 'PTR', ttl, data: name });
  addPorts(add, name, name, ports);
}

function addHeadless(add: Add, name: string, endpoints: EndpointsObject | undefined): void {
  for (const { addresses = [], ports = [] } of endpoints?.subsets ?? []) {
    for (const { ip, hostname = ip.replaceAll('.', '-') } of addresses) {
      const target = `${hostname}.${name}`;
      add({ name, type: 'A', ttl, data: ip });
      add({ name: target, type: 'A', ttl, data: ip });
      add({ name: reverse(ip), type: 'PTR', ttl, data: target });
      addPorts(add, name, target, ports);
    }
  }
}

function addPorts(add: Add, name: string, target: string, ports: readonly Port[]): void {
  for (const { name: port, port: number, protocol = 'TCP' } of ports) {
    if (port === undefined || port === '') continue;
    const data = { priority: 0, weight: 1, port: number, target };
    add({ name: `_${port}._${protocol.toLowerCase()}.${name}`, type: 'SRV', ttl, data });
  }
}

const reverse = (address: string): string => `${address.split('.').reverse().join('.')}.in-addr.arpa`;

const podName = /^(\d+-\d+-\d+-\d+)\.[^.]+\.pod\./;

function lookupIn(records: Records, domain: string): Lookup {
  return ({ name, type }) => {
    const asked = name.toLowerCase();
    const pod = asked.endsWith(`.pod.${domain}`) ? podName.exec(asked)?.[1] : undefined;
    if (pod !== undefined) return type === 'A' ? [{ name, type: 'A', ttl, data: pod.replaceAll('-', '.') }] : [];
    const found = records.get(asked);
    // As the name was asked for: resolvers compare.
    return found
      ?.filter((answer) => answer.type === type || answer.type === 'CNAME')
      .map((answer) => ({ ...answer, name }));
  };
}
