import type { FieldPath } from '../field-path.ts';
import { given, required, type FieldProblem } from '../field-problem.ts';
import { dns1123Label, dns1123Subdomain, qualifiedName } from '../names.ts';
import type { Shape } from '../schema.ts';
import type { Endpoints } from '../types.ts';
import { check, syntax } from '../validate-metadata.ts';
import { oneOf, validatePortNumber } from '../validate-values.ts';
import { validateEndpointAddress } from './endpoint-address.ts';
import type { KindRules } from './rules.ts';

type Subset = NonNullable<Endpoints['subsets']>[number];
type Address = NonNullable<Subset['addresses']>[number];
type Port = NonNullable<Subset['ports']>[number];

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

const address: Shape = { fields: { ip: 'string', hostname: 'string', nodeName: 'string', targetRef: 'any' } };

const subset: Shape = {
  fields: {
    addresses: { list: address },
    notReadyAddresses: { list: address },
    ports: { list: { fields: { name: 'string', port: 'integer', protocol: 'string', appProtocol: 'string' } } },
  },
};

/** Endpoints, as `ValidateEndpoints` and `SetDefaults_Endpoints` (pkg/apis/core) have them. */
export const endpointsRules: KindRules<'Endpoints'> = {
  fields: { subsets: { list: subset } },
  namespaced: true,
  validate: ({ subsets = [] }, base) =>
    subsets.flatMap((one, index) => validateSubset(one, [...base, 'subsets', index])),
  complete: (endpoints) => ({ ...endpoints, subsets: (endpoints.subsets ?? []).map(completeSubset) }),
};

function completeSubset(one: Subset): Subset {
  return { ...one, ports: (one.ports ?? []).map((port) => ({ ...port, protocol: port.protocol || 'TCP' })) };
}

function validateSubset(one: Subset, path: FieldPath): readonly FieldProblem[] {
  const { addresses = [], notReadyAddresses = [], ports = [] } = one;
  const none = addresses.length + notReadyAddresses.length === 0;
  return [
    ...(none ? [required(path, 'must have `addresses` or `notReadyAddresses`')] : []),
    ...addresses.flatMap((item, index) => validateAddress(item, [...path, 'addresses', index])),
    ...notReadyAddresses.flatMap((item, index) => validateAddress(item, [...path, 'notReadyAddresses', index])),
    ...ports.flatMap((port, index) => validatePort(port, ports.length > 1, [...path, 'ports', index])),
  ];
}

function validateAddress({ ip = '', hostname, nodeName }: Partial<Address>, path: FieldPath): readonly FieldProblem[] {
  const at = [...path, 'ip'];
  return [
    ...(ip === '' ? [required(at)] : validateEndpointAddress(ip, 'any', at)),
    ...(hostname ? check(hostname, dns1123Label, [...path, 'hostname']) : []),
    ...given(nodeName, (name) => check(name, dns1123Subdomain, [...path, 'nodeName'])),
  ];
}

function validatePort(one: Partial<Port>, named: boolean, path: FieldPath): readonly FieldProblem[] {
  const name = [...path, 'name'];
  return [
    ...(one.name ? check(one.name, dns1123Label, name) : named ? syntax(one.name, dns1123Label, name) : []),
    ...(one.port === undefined ? [required([...path, 'port'])] : validatePortNumber(one.port, [...path, 'port'])),
    ...oneOf(one.protocol || 'TCP', PROTOCOLS, [...path, 'protocol']),
    ...given(one.appProtocol, (protocol) => check(protocol, qualifiedName, [...path, 'appProtocol'])),
  ];
}
