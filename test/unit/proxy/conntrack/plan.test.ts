import { describe, expect, test } from 'vitest';
import type { Flow } from '../../../../proxy/conntrack/flow.ts';
import { planFlowCheck, staleFlows } from '../../../../proxy/conntrack/plan.ts';
import { renderDeletions } from '../../../../proxy/conntrack/render.ts';
import type { ProxyPlan, ProxySettings, ServicePortPlan } from '../../../../proxy/types.ts';
import { endpoint, SETTINGS, WEB } from '../services/helpers.ts';

const ONE = endpoint('198.51.100.1', { port: 5353 });
const TWO = endpoint('198.51.100.2', { port: 5353 });
const NODE_IP = '203.0.113.7';

const DNS: ServicePortPlan = {
  ...WEB,
  name: { namespace: 'lab', name: 'dns', port: '' },
  protocol: 'UDP',
  clusterIp: '192.0.2.200',
  port: 53,
  nodePort: 30_053,
  externalIps: ['203.0.113.20'],
  loadBalancerIps: ['203.0.113.30'],
  allEndpoints: [ONE, TWO],
};

function plan(services: readonly ServicePortPlan[], settings: Partial<ProxySettings> = {}): ProxyPlan {
  return { settings: { ...SETTINGS[4], nodeIps: [NODE_IP], ...settings }, services };
}

function flow(
  destination: string,
  destinationPort: number,
  replySource = destination,
  replyPort = destinationPort,
): Flow {
  return { protocol: 'UDP', destination, destinationPort, replySource, replyPort };
}

const to = (service: string, servicePort: number): { one: Flow; two: Flow; none: Flow } => ({
  one: flow(service, servicePort, ONE.ip, ONE.port),
  two: flow(service, servicePort, TWO.ip, TWO.port),
  none: flow(service, servicePort),
});

const CLUSTER = to('192.0.2.200', 53);
const EXTERNAL = to('203.0.113.20', 53);
const BALANCER = to('203.0.113.30', 53);
const NODE_PORT = to(NODE_IP, 30_053);

function stale(before: ProxyPlan | undefined, after: ProxyPlan, flows: readonly Flow[]): readonly Flow[] | undefined {
  const check = planFlowCheck(before, after);
  return check === undefined ? undefined : staleFlows(check, flows);
}

describe('after a change', () => {
  const all = [CLUSTER, EXTERNAL, BALANCER, NODE_PORT].flatMap(({ one, two }) => [one, two]);
  const none = { ...DNS, allEndpoints: [] };
  const other = { ...DNS, name: { ...DNS.name, name: 'other' }, clusterIp: '192.0.2.201', nodePort: 30_054 };
  const hidden = { ...other, externalIps: [], loadBalancerIps: [] };

  test.each<[string, ProxyPlan | undefined, ProxyPlan, readonly Flow[], readonly Flow[] | undefined]>([
    [
      'flows to an endpoint that is gone are stale, by whatever address',
      plan([DNS]),
      plan([{ ...DNS, allEndpoints: [ONE] }]),
      all,
      [CLUSTER.two, EXTERNAL.two, BALANCER.two, NODE_PORT.two],
    ],
    ['all are stale when the last endpoint is gone', plan([DNS]), plan([none]), all, all],
    ['all are stale when the Service is gone', plan([DNS]), plan([]), all, all],
    [
      'those that began before there was an endpoint are stale',
      plan([none]),
      plan([DNS]),
      [CLUSTER.none, NODE_PORT.none, CLUSTER.one],
      [CLUSTER.none, NODE_PORT.none],
    ],
    ['those that are not translated stay when there is no endpoint', plan([DNS]), plan([none]), [NODE_PORT.none], []],
    [
      'an endpoint that terminates keeps its flows',
      plan([DNS]),
      plan([{ ...DNS, allEndpoints: [ONE], formerEndpoints: [TWO] }]),
      all,
      [],
    ],
    [
      'another port of an endpoint is another endpoint',
      plan([DNS]),
      plan([{ ...DNS, allEndpoints: [{ ...ONE, port: 53 }, TWO] }]),
      all,
      [CLUSTER.one, EXTERNAL.one, BALANCER.one, NODE_PORT.one],
    ],
    [
      'a port of another name that takes the addresses counts',
      plan([DNS]),
      plan([{ ...DNS, name: { ...DNS.name, port: 'dns' }, allEndpoints: [TWO] }]),
      [CLUSTER.one, CLUSTER.two],
      [CLUSTER.one],
    ],
    [
      'of Services that did not change nothing is stale',
      plan([other, none]),
      plan([other, DNS]),
      [flow('192.0.2.201', 53, TWO.ip, 1)],
      [],
    ],
    [
      'an address that two Services claim leads to the endpoints of both',
      plan([{ ...other, allEndpoints: [ONE] }, DNS].map((one) => one)),
      plan([
        { ...other, allEndpoints: [ONE] },
        { ...DNS, allEndpoints: [] },
      ]),
      [EXTERNAL.one, EXTERNAL.two, CLUSTER.one],
      [EXTERNAL.two, CLUSTER.one],
    ],
    [
      'flows to the node port of another node are not looked at',
      plan([DNS]),
      plan([none]),
      [to('203.0.113.8', 30_053).none, to('203.0.113.8', 30_053).one],
      [],
    ],
    [
      'flows to other ports and protocols are not looked at',
      plan([DNS]),
      plan([none]),
      [flow('192.0.2.200', 54, ONE.ip, 1), { ...CLUSTER.one, protocol: 'SCTP' }],
      [],
    ],
    [
      'at start only what is stale goes',
      undefined,
      plan([hidden, { ...DNS, allEndpoints: [ONE] }]),
      all.slice(0, 2),
      [CLUSTER.two],
    ],
    ['nothing is looked at when only TCP changed', plan([DNS]), plan([DNS, WEB]), all, undefined],
    ['nothing is looked at without a Service', undefined, plan([]), all, undefined],
  ])('%s', (_what, before, after, flows, expected) => expect(stale(before, after, flows)).toEqual(expected));

  test('nothing is looked at when the services are the same', () => {
    const services = [DNS];
    expect(planFlowCheck(plan(services), plan(services, { masqueradeAll: true }))).toBeUndefined();
  });
  test('node ports on the loopback count where they are served', () => {
    const settings = { localhostNodePorts: true };
    const local = to('127.0.0.1', 30_053);
    expect(stale(plan([DNS], settings), plan([none], settings), [local.one])).toEqual([local.one]);
    expect(stale(plan([DNS]), plan([none]), [local.one])).toEqual([]);
  });
  test('only protocols that changed are listed', () => {
    const sctp: ServicePortPlan = { ...DNS, protocol: 'SCTP' };
    expect(planFlowCheck(plan([DNS]), plan([DNS, sctp]))?.protocols).toEqual(['SCTP']);
    expect(planFlowCheck(undefined, plan([DNS, sctp]))?.protocols).toEqual(['UDP', 'SCTP']);
  });
});

test('one deletion is for all clients', () => {
  const rest = ['--orig-dst', '192.0.2.200', '--orig-port-dst', '53', '--reply-src'];
  expect(renderDeletions([CLUSTER.one, CLUSTER.two, { ...CLUSTER.one }])).toEqual([
    ['-D', '-p', 'udp', ...rest, '198.51.100.1', '--reply-port-src', '5353'],
    ['-D', '-p', 'udp', ...rest, '198.51.100.2', '--reply-port-src', '5353'],
  ]);
});
