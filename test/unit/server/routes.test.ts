import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventFilter } from '../../../agent/events/types.ts';
import { answer } from '../../../agent/server/local/routes.ts';
import type { DaemonState } from '../../../agent/server/local/state.ts';
import type { TraceReport } from '../../../agent/services/trace-report.ts';
import { daemonState, nodeInfo, pod, report } from './fixtures.ts';

const state = daemonState();
const list = (kind: string, items: readonly object[]): object => ({ apiVersion: 'v1', kind, metadata: {}, items });
const status = (code: number, reason: string, message: string): object => ({
  code,
  body: { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, reason, code },
});

const trace = '/podwright/v1/trace?source=web&destination=2001%3Adb8%3A%3A1&port=80';

describe('local API', () => {
  it.each([
    ['/api/v1/pods', list('PodList', [pod('web')])],
    ['/api/v1/namespaces/default/pods?limit=500', list('PodList', [pod('web')])],
    ['/api/v1/namespaces/other/pods', list('PodList', [])],
    ['/api/v1/namespaces/default/pods/web-node-1', pod('web')],
    ['/api/v1/namespaces/default/pods/web%2Dnode-1', pod('web')],
    ['/api/v1/events', list('EventList', [])],
    ['/healthz', { status: 'ok' }],
    ['/podwright/v1/services', { proxy: { settled: true }, services: [], problems: [] }],
    ['/podwright/v1/status', { node: nodeInfo, pods: [report(pod('web'))], problems: [] }],
  ])('answers %s', (target, body) => expect(answer(state, 'GET', target)).toEqual({ code: 200, body }));

  it('has the node, under its name only', () => {
    const { body } = answer(state, 'GET', '/api/v1/nodes/node-1');
    expect(body).toMatchObject({
      kind: 'Node',
      metadata: { name: 'node-1' },
      status: {
        addresses: [
          { type: 'InternalIP', address: '192.0.2.7' },
          { type: 'Hostname', address: 'node-1' },
        ],
        conditions: [{ type: 'Ready', status: 'True' }],
        nodeInfo: { containerRuntimeVersion: 'docker://27.0.1' },
      },
    });
    expect(answer(state, 'GET', '/api/v1/nodes').body).toEqual(list('NodeList', [body]));
    expect(answer(state, 'GET', '/api/v1/nodes/x')).toEqual(status(404, 'NotFound', 'nodes "x" not found'));
  });

  it.each<[string, EventFilter]>([
    ['/api/v1/events', {}],
    ['/api/v1/events?fieldSelector=involvedObject.uid%3Du1', { uid: 'u1' }],
    [
      '/api/v1/events?fieldSelector=involvedObject.name=web,involvedObject.namespace==a',
      { name: 'web', namespace: 'a' },
    ],
    [
      '/api/v1/namespaces/shop/events?fieldSelector=involvedObject.name=db,type=Normal',
      { name: 'db', namespace: 'shop' },
    ],
  ])('asks for the events of %s', (target, expected) => {
    const asked: EventFilter[] = [];
    const events = (filter: EventFilter): [] => {
      asked.push(filter);
      return [];
    };
    answer(daemonState({ events }), 'GET', target);
    expect(asked).toEqual([expected]);
  });

  it.each([
    ['GET', '/', 404, 'NotFound', 'the server could not find the requested resource'],
    ['GET', '/api/v1/pods/', 404, 'NotFound', 'the server could not find the requested resource'],
    ['GET', '/api/v1/namespaces/default/pods/x', 404, 'NotFound', 'pods "x" not found'],
    [
      'DELETE',
      '/api/v1/namespaces/default/pods/web-node-1',
      405,
      'MethodNotAllowed',
      'DELETE is not allowed here, only GET is',
    ],
    ['GET', '/podwright/v1/trace', 400, 'BadRequest', 'the parameter "source" is missing'],
    ['GET', `${trace}&protocol=icmp`, 400, 'BadRequest', '"icmp" is no protocol: tcp, udp and sctp are'],
    ['GET', trace, 400, 'BadRequest', 'there are no rules here'],
    ['POST', trace, 405, 'MethodNotAllowed', 'POST is not allowed here, only GET is'],
    ['GET', '/api/v1/namespaces/%zz/pods', 400, 'BadRequest', 'the path is not encoded as a URL'],
    ['GET', 'http://', 400, 'BadRequest', 'the request target is no path'],
    ['GET', `/${'x'.repeat(5000)}`, 414, 'RequestURITooLong', 'the request target is too long'],
  ])('refuses %s %.60s', (method, target, code, reason, message) =>
    expect(answer(state, method, target)).toEqual(status(code, reason, message)),
  );

  it('never throws for a request target', () => {
    const target = fc.oneof(
      fc.string(),
      fc.string().map((text) => `/api/v1/namespaces/${text}/pods?fieldSelector=${text}`),
    );
    fc.assert(
      fc.property(target, (text) => {
        expect([200, 400, 404, 414]).toContain(answer(state, 'GET', text).code);
      }),
    );
  });

  it('asks what becomes of a packet', () => {
    const traced: Partial<DaemonState> = { trace: (question) => question as unknown as TraceReport };
    expect(answer(daemonState(traced), 'GET', `${trace}&protocol=UDP`)).toEqual({
      code: 200,
      body: { source: 'web', destination: '2001:db8::1', port: '80', protocol: 'UDP' },
    });
  });
});
