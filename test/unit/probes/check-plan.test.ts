import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planCheck, probeSettings, requestPath } from '../../../agent/probes/check-plan.ts';
import type { Check } from '../../../agent/probes/types.ts';
import { container } from '../pods/fixtures.ts';

const app = container('app', {
  env: [
    { name: 'PORT', value: '81' },
    { name: 'SECRET', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  ],
  ports: [
    { name: 'web', containerPort: 8080, protocol: 'TCP' },
    { containerPort: 9, protocol: 'TCP' },
  ],
});

const usual = [
  ['User-Agent', 'kube-probe/1.32'],
  ['Accept', '*/*'],
] as const;
const url = { scheme: 'http', host: '192.0.2.7', port: 8080, path: '/' } as const;

describe('what is done', () => {
  const rows: readonly [string, Parameters<typeof planCheck>[0], Check][] = [
    ['exec', { exec: { command: ['cat', '/ready'] } }, { type: 'exec', command: ['cat', '/ready'] }],
    [
      'exec with variables of the manifest',
      { exec: { command: ['nc', '$(PORT)', '$$(PORT)', '$(OTHER)', '[$(SECRET)]'] } },
      { type: 'exec', command: ['nc', '81', '$(PORT)', '$(OTHER)', '[]'] },
    ],
    ['http by name of the port', { httpGet: { port: 'web' } }, { type: 'http', url, headers: usual }],
    [
      'http with everything',
      { httpGet: { port: 443, host: '2001:db8::1', path: 'a b', scheme: 'HTTPS' } },
      { type: 'http', url: { scheme: 'https', host: '2001:db8::1', port: 443, path: '/a%20b' }, headers: usual },
    ],
    [
      'http with headers of its own',
      {
        httpGet: {
          port: 8080,
          httpHeaders: [
            { name: 'user-agent', value: 'me' },
            { name: 'X-A', value: '1' },
            { name: 'X-A', value: '2' },
            { name: 'accept', value: '' },
          ],
        },
      },
      {
        type: 'http',
        url,
        headers: [
          ['user-agent', 'me'],
          ['X-A', '1'],
          ['X-A', '2'],
        ],
      },
    ],
    ['tcp', { tcpSocket: { port: 'web' } }, { type: 'tcp', host: '192.0.2.7', port: 8080 }],
    ['tcp with a host', { tcpSocket: { port: '70', host: 'db' } }, { type: 'tcp', host: 'db', port: 70 }],
    ['grpc', { grpc: { port: 50 } }, { type: 'grpc', host: '192.0.2.7', port: 50, service: '' }],
    [
      'grpc service',
      { grpc: { port: 50, service: 'a.B' } },
      { type: 'grpc', host: '192.0.2.7', port: 50, service: 'a.B' },
    ],
    [
      'unknown port',
      { tcpSocket: { port: 'metrics' } },
      { type: 'impossible', reason: 'the container has no port "metrics"' },
    ],
    [
      'port out of range',
      { httpGet: { port: 70000 } },
      { type: 'impossible', reason: 'the container has no port 70000' },
    ],
    ['empty port', { tcpSocket: { port: '' } }, { type: 'impossible', reason: 'the container has no port ""' }],
    ['nothing', {}, { type: 'impossible', reason: 'missing probe handler for container app' }],
  ];
  test.each(rows)('%s', (_, probe, expected) => {
    expect(planCheck(probe, app, '192.0.2.7')).toEqual(expected);
  });

  test('a probe of the network waits for the address of the pod, unless it names a host', () => {
    expect(planCheck({ grpc: { port: 50 } }, app, undefined)).toEqual({
      type: 'impossible',
      reason: 'the pod has no IP address yet',
    });
    expect(planCheck({ tcpSocket: { port: 5, host: 'db' } }, app, undefined)).toEqual({
      type: 'tcp',
      host: 'db',
      port: 5,
    });
  });
});

test('defaults of the API', () => {
  expect(probeSettings({})).toEqual({
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 1_000,
    thresholds: { success: 1, failure: 3 },
    graceSeconds: undefined,
  });
});

describe('request path', () => {
  test.each([
    ['', '/'],
    ['/', '/'],
    ['healthz', '/healthz'],
    ['/a/../b?x=1&y=%20#part', '/a/../b?x=1&y=%20'],
    ['/a b', '/a%20b'],
    ['/ü', '/%C3%BC'],
    ['/\r\nX: y', '/%0D%0AX:%20y'],
  ])('%j is %j', (path, expected) => {
    expect(requestPath(path)).toBe(expected);
  });

  test('can always stand in a request line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (path) => {
        expect(requestPath(path)).toMatch(/^\/[\x21-\x7e]*$/);
      }),
    );
  });
});
