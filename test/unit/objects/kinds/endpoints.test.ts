import { describe, expect, test } from 'vitest';
import { load, told } from '../helpers.ts';
import { manifest, only } from './helpers.ts';

const endpoints = (fields: string): string => manifest('Endpoints', fields);
const slice = (fields: string): string =>
  manifest('EndpointSlice', fields).replace('apiVersion: v1', 'apiVersion: discovery.k8s.io/v1');
const ADDRESS = '{addresses: [198.51.100.1]}';

test('Endpoints have a protocol in each port', () => {
  const text = endpoints(
    'subsets: [{addresses: [{ip: 198.51.100.1, nodeName: a.b}], notReadyAddresses: [{ip: "2001:db8::1"}], ports: [{port: 80}]}]',
  );
  expect([told(text), only('Endpoints', text)?.subsets]).toEqual([
    [],
    [
      {
        addresses: [{ ip: '198.51.100.1', nodeName: 'a.b' }],
        notReadyAddresses: [{ ip: '2001:db8::1' }],
        ports: [{ port: 80, protocol: 'TCP' }],
      },
    ],
  ]);
});

test('an EndpointSlice has a name and a protocol in each port', () => {
  const text = slice(`addressType: IPv4\nendpoints: [${ADDRESS}]\nports: [{port: 80}, {name: all, protocol: UDP}]`);
  const object = only('EndpointSlice', text);
  expect([told(text), object?.apiVersion, object?.endpoints, object?.ports]).toEqual([
    [],
    'discovery.k8s.io/v1',
    [{ addresses: ['198.51.100.1'] }],
    [
      { name: '', port: 80, protocol: 'TCP' },
      { name: 'all', protocol: 'UDP' },
    ],
  ]);
});

test('a list of EndpointSlices is read, and an EndpointSlice of v1 is none', () => {
  const items = `items: [{metadata: {name: a}, addressType: IPv6, endpoints: []}]`;
  const list = (version: string): string => `apiVersion: ${version}\nkind: EndpointSliceList\n${items}`;
  expect(load(list('discovery.k8s.io/v1')).objects.map(({ object }) => object.kind)).toEqual(['EndpointSlice']);
  expect(told(list('v1'))).toEqual(['1 EndpointSliceList of "v1" is not a kind that runs on a node']);
});

describe('what a Service sends to', () => {
  const four = (addresses: string): string => slice(`addressType: IPv4\nendpoints: [{addresses: [${addresses}]}]`);
  const six = (addresses: string): string => slice(`addressType: IPv6\nendpoints: [{addresses: [${addresses}]}]`);
  const at = 'endpoints[0].addresses';
  const port = (fields: string): string => slice(`addressType: IPv4\nendpoints: []\nports: [${fields}]`);
  const subset = (fields: string): string => endpoints(`subsets: [{${fields}}]`);
  test.each<[string, readonly string[]]>([
    [slice('endpoints: []'), ['1 addressType Required value']],
    [
      slice('addressType: IP\nendpoints: []'),
      ['4 addressType Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"'],
    ],
    [four(''), [`5 ${at} Required value: must have at least one address`]],
    [four('"2001:db8::1"'), [`5 ${at}[0] Invalid value: "2001:db8::1": must be an IPv4 address`]],
    [six('198.51.100.1'), [`5 ${at}[0] Invalid value: "198.51.100.1": must be an IPv6 address`]],
    [four('127.0.0.1'), [`5 ${at}[0] Invalid value: "127.0.0.1": may not be loopback`]],
    [four('169.254.169.254'), [`5 ${at}[0] Invalid value: "169.254.169.254": may not be link-local`]],
    [four('0.0.0.0'), [`5 ${at}[0] Invalid value: "0.0.0.0": may not be unspecified`]],
    [six('"::ffff:127.0.0.1"'), [`5 ${at}[0] Invalid value: "::ffff:127.0.0.1": may not be loopback`]],
    [
      slice('addressType: FQDN\nendpoints: [{addresses: [db.example.com, db]}]'),
      [`5 ${at}[1] Invalid value: "db": must be a domain name of two parts or more`],
    ],
    [
      slice(
        'addressType: IPv4\nendpoints: [{addresses: [198.51.100.1], hints: {forZones: [{name: a}, {name: a}, {}]}}]',
      ),
      [
        '5 endpoints[0].hints.forZones[2].name Required value',
        '5 endpoints[0].hints.forZones[1].name Duplicate value: "a"',
      ],
    ],
    [port('{port: 0}'), ['6 ports[0].port Invalid value: 0: must be between 1 and 65535, inclusive']],
    [port('{port: 1}, {port: 2}'), ['6 ports[1].name Duplicate value: ""']],
    [
      port('{port: 1, protocol: HTTP}'),
      ['6 ports[0].protocol Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
    ],
    [subset('ports: [{port: 1}]'), ['4 subsets[0] Required value: must have `addresses` or `notReadyAddresses`']],
    [
      subset('addresses: [{ip: "::1"}, {}]'),
      [
        '4 subsets[0].addresses[0].ip Invalid value: "::1": may not be loopback',
        '4 subsets[0].addresses[1].ip Required value',
      ],
    ],
    [
      subset('addresses: [{ip: 198.51.100.1}], ports: [{port: 1}, {name: b}]'),
      ['4 subsets[0].ports[0].name Required value', '4 subsets[0].ports[1].port Required value'],
    ],
  ])('%j is checked', (text, expected) => expect([told(text), load(text).objects]).toEqual([expected, []]));
});
