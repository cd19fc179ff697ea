import type { FieldPath } from '../field-path.ts';
import { duplicate, given, repeated, required, tooMany, type FieldProblem } from '../field-problem.ts';
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../names.ts';
import type { Shape } from '../schema.ts';
import type { EndpointSlice } from '../types.ts';
import { check, syntax } from '../validate-metadata.ts';
import { oneOf, requiredOneOf, validatePortNumber } from '../validate-values.ts';
import { validateEndpointAddress } from './endpoint-address.ts';
import type { KindRules } from './rules.ts';

type Endpoint = EndpointSlice['endpoints'][number];
type Port = NonNullable<EndpointSlice['ports']>[number];
type Hint = { readonly name?: string };
/** Nothing has to be there in a manifest. */
type Written<T> = Partial<T>;

const TYPES = ['FQDN', 'IPv4', 'IPv6'];
const EMPTY: Pick<EndpointSlice, 'endpoints'> = { endpoints: [] };
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const MOST = { endpoints: 1_000, addresses: 100, ports: 20_000, hints: 8 };

const hint: Shape = { fields: { name: 'string' } };

const endpoint: Shape = {
  fields: {
    addresses: { list: 'string' },
    conditions: { fields: { ready: 'boolean', serving: 'boolean', terminating: 'boolean' } },
    deprecatedTopology: { map: 'string' },
    hints: { fields: { forZones: { list: hint }, forNodes: { list: hint } } },
    hostname: 'string',
    nodeName: 'string',
    targetRef: 'any',
    zone: 'string',
  },
};

const port: Shape = { fields: { name: 'string', port: 'integer', protocol: 'string', appProtocol: 'string' } };

/**
 * EndpointSlice, as `ValidateEndpointSlice` (pkg/apis/discovery/validation) and `SetDefaults_EndpointPort`
 * (pkg/apis/discovery/v1/defaults.go) have it.
 */
export const endpointSliceRules: KindRules<'EndpointSlice'> = {
  apiVersion: 'discovery.k8s.io/v1',
  fields: { addressType: 'string', endpoints: { list: endpoint }, ports: { list: port } },
  namespaced: true,
  validate: validateSlice,
  complete: completeSlice,
};

function validateSlice(slice: Written<EndpointSlice>, base: FieldPath): readonly FieldProblem[] {
  const { addressType = '', endpoints = [], ports = [] } = slice;
  return [
    ...requiredOneOf(addressType, TYPES, [...base, 'addressType']),
    ...bounded(endpoints, MOST.endpoints, [...base, 'endpoints'], (one, path) =>
      validateEndpoint(one, addressType, path),
    ),
    ...bounded(ports, MOST.ports, [...base, 'ports'], validatePort),
    ...validateNames(ports, [...base, 'ports']),
  ];
}

function completeSlice(slice: EndpointSlice): EndpointSlice {
  return { ...EMPTY, ...slice, ports: (slice.ports ?? []).map(completePort) };
}

function completePort(one: Port): Port {
  return { ...one, name: one.name ?? '', protocol: one.protocol || 'TCP' };
}

/** Checks each item of a list that is not too long. */
function bounded<T>(
  items: readonly T[],
  most: number,
  path: FieldPath,
  rule: (item: T, path: FieldPath) => readonly FieldProblem[],
): readonly FieldProblem[] {
  if (items.length > most) return [tooMany(path, items.length, most)];
  return items.flatMap((item, index) => rule(item, [...path, index]));
}

function validateEndpoint(one: Written<Endpoint>, type: string, path: FieldPath): readonly FieldProblem[] {
  const { addresses = [], hostname, nodeName, hints = {} } = one;
  const at = [...path, 'addresses'];
  return [
    ...(addresses.length === 0 ? [required(at, 'must have at least one address')] : []),
    ...bounded(addresses, MOST.addresses, at, (address, item) => validateEndpointAddress(address, type, item)),
    ...given(hostname, (name) => check(name, dns1123Label, [...path, 'hostname'])),
    ...given(nodeName, (name) => check(name, dns1123Subdomain, [...path, 'nodeName'])),
    ...validateHints(hints.forZones, labelValue, [...path, 'hints', 'forZones']),
    ...validateHints(hints.forNodes, dns1123Subdomain, [...path, 'hints', 'forNodes']),
  ];
}

function validateHints(
  hints: readonly Hint[] = [],
  rule: (name: string) => string | undefined,
  path: FieldPath,
): readonly FieldProblem[] {
  return [
    ...bounded(hints, MOST.hints, path, ({ name }, item) => syntax(name, rule, [...item, 'name'])),
    ...repeated(hints, ({ name }) => name).map((index) => duplicate([...path, index, 'name'], hints[index]?.name)),
  ];
}

function validatePort(one: Port, path: FieldPath): readonly FieldProblem[] {
  return [
    ...(one.name ? check(one.name, dns1123Label, [...path, 'name']) : []),
    ...given(one.port, (number) => validatePortNumber(number, [...path, 'port'])),
    ...oneOf(one.protocol || 'TCP', PROTOCOLS, [...path, 'protocol']),
    ...given(one.appProtocol, (protocol) => check(protocol, qualifiedName, [...path, 'appProtocol'])),
  ];
}

/** Also the empty name may come once only. */
function validateNames(ports: readonly Port[], path: FieldPath): readonly FieldProblem[] {
  return repeated(ports, ({ name = '' }) => `:${name}`).map((index) =>
    duplicate([...path, index, 'name'], ports[index]?.name ?? ''),
  );
}
