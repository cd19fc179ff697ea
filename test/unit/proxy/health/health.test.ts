import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../../../proxy/health/listen.ts';
import { answerHealth, createProxyHealth, type ProxyHealth } from '../../../../proxy/health/proxy-health.ts';
import { answerServiceHealth, planHealthServices } from '../../../../proxy/health/service-plan.ts';
import type { ProxyPlan, ServicePortPlan } from '../../../../proxy/types.ts';
import { endpoint, SETTINGS, WEB } from '../services/helpers.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

describe('health', () => {
  type Step = keyof ProxyHealth | number;
  /** Does steps for IPv4; a number lets so many seconds pass. Tells whether it is healthy, and the age of the last update. */
  const after = (...steps: readonly Step[]): readonly [boolean, number] => {
    let now = START;
    const health = createProxyHealth({ clock: { now: () => now }, timeoutMs: 60_000 });
    for (const step of steps) {
      if (typeof step === 'number') now += step * 1_000;
      else if (step === 'queued' || step === 'started' || step === 'updated') health[step](4);
    }
    const { isHealthy, lastUpdated } = health.status();
    return [isHealthy, lastUpdated === 0 ? -1 : (now - lastUpdated) / 1_000];
  };

  test.each<[string, readonly Step[], readonly [boolean, number]]>([
    ['is good while it starts', [600], [true, 0]],
    ['is good without changes', ['queued', 'started', 'updated', 600], [true, 0]],
    ['is good while a change waits not too long', ['queued', 59], [true, 0]],
    ['is bad when a change waits too long', ['queued', 60], [false, -1]],
    ['tells the last update then', ['queued', 'started', 'updated', 10, 'queued', 60], [false, 70]],
    ['counts from the oldest change', ['queued', 40, 'queued', 20], [false, -1]],
    ['is bad when a sync takes too long', ['queued', 'started', 60], [false, -1]],
    ['counts failed syncs from the change', ['queued', 'started', 40, 'started', 20, 'started'], [false, -1]],
    ['is good again after a sync', ['queued', 90, 'started', 'updated'], [true, 0]],
    ['a change during a sync waits for the next', ['queued', 'started', 50, 'queued', 'updated', 50], [true, 0]],
    ['a change during a sync is not forgotten', ['queued', 'started', 50, 'queued', 'updated', 60], [false, 60]],
  ])('%s', (_what, steps, expected) => expect(after(...steps)).toEqual(expected));

  test('one family that is stuck is bad, whatever the other does', () => {
    let now = START;
    const health = createProxyHealth({ clock: { now: () => now }, timeoutMs: 60_000 });
    health.queued(4);
    health.queued(6);
    health.started(6);
    health.updated(6);
    now += 60_000;
    expect(health.status().isHealthy).toBe(false);
  });
});

describe('answers', () => {
  const good = { isHealthy: true, isNodeEligible: true, lastUpdated: START, now: START };
  const times = { lastUpdated: '2026-01-01T00:00:00.000Z', currentTime: '2026-01-01T00:00:00.000Z' };

  test.each<[string, Partial<typeof good>, number, number]>([
    ['all is good', {}, 200, 200],
    ['the node is leaving', { isNodeEligible: false }, 503, 200],
    ['the proxy is stuck', { isHealthy: false }, 503, 503],
  ])('when %s', (_what, status, healthz, livez) => {
    const both = (['/healthz', '/livez'] as const).map((path) => answerHealth(path, { ...good, ...status }));
    expect(both).toEqual([
      { code: healthz, headers: {}, body: { ...times, nodeEligible: status.isNodeEligible ?? true } },
      { code: livez, headers: {}, body: times },
    ]);
  });

  test.each<[number, boolean, number]>([
    [2, true, 200],
    [0, true, 503],
    [2, false, 503],
  ])('of a Service with %d endpoints, proxy healthy: %s', (localEndpoints, isHealthy, code) => {
    expect(answerServiceHealth({ namespace: 'lab', name: 'web', port: 1, localEndpoints }, isHealthy)).toEqual({
      code,
      headers: { 'X-Load-Balancing-Endpoint-Weight': String(localEndpoints) },
      body: { service: { namespace: 'lab', name: 'web' }, localEndpoints, serviceProxyHealthy: isHealthy },
    });
  });
});

describe('Services with a health port', () => {
  const HERE = { isLocal: true };
  const plan = (...services: readonly Partial<ServicePortPlan>[]): ProxyPlan => ({
    settings: SETTINGS[4],
    services: services.map((one) => ({ ...WEB, healthCheckNodePort: 31_000, ...one })),
  });
  const found = (localEndpoints: number) => [
    ['lab/web', { namespace: 'lab', name: 'web', port: 31_000, localEndpoints }],
  ];

  test.each<[string, readonly ProxyPlan[], unknown]>([
    ['are none without the port', [plan({ healthCheckNodePort: 0 })], []],
    [
      'count the ready endpoints of the node',
      [plan({ allEndpoints: [endpoint('198.51.100.1', HERE), endpoint('198.51.100.2')] })],
      found(1),
    ],
    [
      'do not count what terminates',
      [plan({ allEndpoints: [endpoint('198.51.100.1', { ...HERE, ready: false, terminating: true })] })],
      found(0),
    ],
    [
      'count an endpoint once for all ports',
      [
        plan(
          { allEndpoints: [endpoint('198.51.100.1', HERE)] },
          { allEndpoints: [endpoint('198.51.100.1', { ...HERE, port: 1 }), endpoint('198.51.100.2', HERE)] },
        ),
      ],
      found(2),
    ],
    [
      'count the endpoints of both families',
      [
        plan({ allEndpoints: [endpoint('198.51.100.1', HERE)] }),
        plan({ family: 6, allEndpoints: [endpoint('2001:db8::1', HERE)] }),
      ],
      found(2),
    ],
  ])('%s', (_what, plans, expected) => expect([...planHealthServices(plans)]).toEqual(expected));
});

test.each<[string, { readonly host: string | undefined; readonly port: number } | undefined]>([
  ['0.0.0.0:10256', { host: undefined, port: 10_256 }],
  [':10256', { host: undefined, port: 10_256 }],
  ['[::]:10256', { host: undefined, port: 10_256 }],
  ['127.0.0.1:10249', { host: '127.0.0.1', port: 10_249 }],
  ['[::1]:10249', { host: '::1', port: 10_249 }],
  ['::1:10249', undefined],
  ['localhost:10249', undefined],
  ['127.0.0.1', undefined],
  ['127.0.0.1:70000', undefined],
])('the address %s', (text, expected) => {
  if (expected === undefined) expect(() => parseAddress(text)).toThrow(`'${text}' is no address to listen on`);
  else expect(parseAddress(text)).toEqual(expected);
});
