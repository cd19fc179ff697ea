import { describe, expect, test } from 'vitest';
import { parseTarget } from '../../../agent/cli/trace/target-plan.ts';
import { renderTrace } from '../../../agent/cli/trace/render.ts';
import { type TraceKnowledge, TraceQuestionError } from '../../../agent/services/trace-plan.ts';
import { traceReport, type TraceReport } from '../../../agent/services/trace-report.ts';
import { known } from './fixtures.ts';

function trace(source: string, target: string, change: Partial<TraceKnowledge> = {}): TraceReport {
  return traceReport({ source, ...parseTarget(target), protocol: 'TCP' }, { ...known, ...change });
}

/** `from -> to: verdict` */
function brief({ from, packet, to = 'nothing', verdict, endpoints }: TraceReport): string {
  const sent = endpoints.map(({ ip, port, masquerade }) => ` ${ip}:${port}${masquerade ? ' as node' : ''}`).join('');
  return `${from} ${packet.src} -> ${to} ${packet.dst}:${packet.port}: ${verdict}${sent}`;
}

const pod = 'pod lab/client 203.0.113.9';
const clusterIp = 'cluster IP of lab/web:http 192.0.2.129:80';
const one = '203.0.113.2:8080';

describe.each(['iptables', 'nftables', 'ipvs'] as const)('a question, by %s', (mode) => {
  test.each([
    ['client', 'web:80', `${pod} -> ${clusterIp}: dnat ${one}`],
    ['lab/client', 'lab/web:http', `${pod} -> ${clusterIp}: dnat ${one}`],
    ['203.0.113.9', '192.0.2.129:80', `${pod} -> ${clusterIp}: dnat ${one}`],
    ['one', 'web.lab.svc.cluster.local:80', `pod lab/one-node-1 203.0.113.2 -> ${clusterIp}: dnat ${one} as node`],
    ['node', 'web.lab:80', `this node 198.51.100.1 -> ${clusterIp}: dnat ${one} as node`],
    ['127.0.0.1', 'web:80', `this node 127.0.0.1 -> ${clusterIp}: dnat ${one} as node`],
    ['host', 'web:80', `pod lab/host in the host network 198.51.100.1 -> ${clusterIp}: dnat ${one} as node`],
    [
      '192.0.2.9',
      '203.0.113.1:30080',
      `another host 192.0.2.9 -> node port of lab/web:http 203.0.113.1:30080: dnat ${one}`,
    ],
    ['client', 'node:30080', `${pod} -> node port of lab/web:http 198.51.100.1:30080: dnat ${one}`],
    [
      '2001:0db8:9::1',
      'web:80',
      'another host 2001:db8:9::1 -> cluster IP of lab/web:http 2001:db8:a::1:80: dnat 2001:db8:1::2:8080 as node',
    ],
    ['client', '[192.0.2.130]:80', `${pod} -> cluster IP of lab/empty 192.0.2.130:80: reject`],
    ['client', '192.0.2.9:80', `${pod} -> nothing 192.0.2.9:80: accept`],
  ])('%s to %s', (source, target, expected) => {
    expect(brief(trace(source, target, { mode }))).toBe(expected);
  });
});

test.each([
  ['nobody', 'web:80', 'there is no pod nobody; here are lab/one-node-1, lab/client, lab/host, lab/pending'],
  ['other/client', 'web:80', /^there is no pod other\/client; /],
  ['pending', 'web:80', 'pod lab/pending has no address: it does not run'],
  ['client', 'wep:80', 'there is no Service wep; here are lab/web, lab/empty, lab/alias'],
  ['client', 'alias:80', /^Service lab\/alias has no cluster IP: it is an alias of db\.example\.com, /],
  ['client', 'web:https', '"https" is no port: a number from 1 to 65535 is'],
  ['client', '192.0.2.129:0', /^"0" is no port/],
  ['2001:db8:9::1', 'empty:80', 'Service lab/empty has no address of a family that the source has'],
  ['client', '[2001:db8:a::1]:80', 'the source has no IPv6 address to reach 2001:db8:a::1 from'],
])('%s to %s cannot be traced', (source, target, message) => {
  expect(() => trace(source, target)).toThrow(TraceQuestionError);
  expect(() => trace(source, target)).toThrow(message);
});

test('two of a name are not chosen from', () => {
  const [first, second] = known.services;
  if (first === undefined || second === undefined) throw new Error('two Services are needed');
  const twin = { ...second, metadata: { ...second.metadata, namespace: 'other', name: 'web' } };
  expect(() => trace('client', 'web:80', { services: [first, twin] })).toThrow(
    'more than one is called Service web: here are lab/web, other/web',
  );
});

describe('in words', () => {
  test('where it goes', () => {
    expect(renderTrace(trace('client', 'web:80', { mode: 'nftables' }))).toBe(`From:   203.0.113.9  pod lab/client
To:     192.0.2.129:80 TCP  cluster IP of lab/web:http
By:     rules of the mode nftables; other rules of this host are not looked at

Steps:
  services, 192.0.2.129 . tcp . 80 in service-ips: on to service-URTH2HAX-lab/web/tcp/http
  service-URTH2HAX-lab/web/tcp/http: on to endpoint-6GGXCLVC-lab/web/tcp/http__203.0.113.2/8080
  endpoint-6GGXCLVC-lab/web/tcp/http__203.0.113.2/8080: sent to 203.0.113.2:8080

Verdict: sent to this endpoint.
  ENDPOINT           POD              SHARE   SEES THE CLIENT AS
  203.0.113.2:8080   lab/one-node-1   100 %   203.0.113.9
`);
  });

  test.each([
    [trace('client', 'empty:80'), 'Verdict: refused at once: the Service has no endpoint that is ready.\n'],
    [trace('client', '192.0.2.9:80'), 'Verdict: not touched. The packet goes on to where it was sent.\n'],
  ])('what else may become of it %#', (report, last) => {
    expect(renderTrace(report).endsWith(`\n${last}`)).toBe(true);
  });

  test('why it is dropped', () => {
    const four = known.plans[4];
    const away = four.services.map((service) => ({ ...service, localEndpoints: [] }));
    const plans = { ...known.plans, 4: { ...four, services: away } };
    expect(renderTrace(trace('192.0.2.9', 'node:30080', { plans }))).toContain(
      'Verdict: dropped, the client hears nothing: externalTrafficPolicy is Local, and no endpoint on this node is ready.',
    );
    const ranged = four.services.slice(1).map((service) => ({
      ...service,
      loadBalancerIps: ['192.0.2.10'],
      sourceRanges: ['203.0.113.0/24'],
    }));
    const text = renderTrace(
      trace('192.0.2.9', '192.0.2.10:80', { plans: { ...plans, 4: { ...four, services: ranged } } }),
    );
    expect(text).toContain('loadBalancerSourceRanges (203.0.113.0/24) do not have the source');
    expect(text).toContain('192.0.2.10:80 TCP  address of the load balancer of lab/web:http');
  });
});

test.each(['web', 'web:', ':80', '2001:db8::1:80', '[2001:db8::1]'])('"%s" is no destination', (text) => {
  expect(() => parseTarget(text)).toThrow('is no destination');
});
