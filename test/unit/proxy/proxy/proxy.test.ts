import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProxy } from '../../../../proxy/proxy.ts';
import type { Proxy, ProxyOptions } from '../../../../proxy/proxy-types.ts';
import type { ServiceInput } from '../../../../proxy/services/index.ts';
import type { Family, ProxyBackend } from '../../../../proxy/types.ts';
import { createFakeClock, type FakeClock } from '../../probes/fake-clock.ts';
import {
  createLines,
  createRecordingBackend,
  createRecordingExec,
  type Lines,
  type RecordingBackend,
  type RecordingExec,
} from '../proxy-helpers.ts';
import { NODE, service, slice } from '../services/helpers.ts';

const SECOND = 1_000;
const START = Date.parse('2026-01-01T00:00:00Z');
const sysctls = { read: () => Promise.resolve('1'), write: () => Promise.reject(new Error('nothing to write')) };

const webOf = (name: string, clusterIP: string): ServiceInput => ({
  ...service({ clusterIP }),
  metadata: { namespace: 'lab', name },
});
const WEB = webOf('web', '192.0.2.10');
const services = (...list: readonly ServiceInput[]): ReadonlyMap<string, ServiceInput> =>
  new Map(list.map((one) => [`lab/${one.metadata.name}`, one]));

describe('the proxy', () => {
  let clock: FakeClock;
  let log: Lines;
  let programs: RecordingExec;
  let four: RecordingBackend;
  let six: RecordingBackend;
  let other: RecordingBackend;
  let stop: AbortController;
  let proxy: Proxy;

  const create = (rest: Partial<ProxyOptions> = {}): Proxy => {
    const works = () => Promise.resolve(undefined);
    const main = ({ family }: { readonly family: Family }): ProxyBackend => (family === 4 ? four : six);
    return createProxy({
      exec: programs.exec,
      mode: 'auto',
      nodeName: NODE,
      nodeLabels: {},
      nodeAddresses: { primary: ['203.0.113.7'], all: [] },
      config: {
        detectLocalMode: 'ClusterCIDR',
        clusterCidrs: [],
        podCidrs: [],
        bridgeInterface: '',
        interfaceNamePrefix: '',
        masqueradeAll: false,
        masqueradeBit: 14,
        nodePortAddresses: [],
        localhostNodePorts: false,
      },
      healthzAddress: '',
      metricsAddress: '',
      syncPeriodMs: 30 * SECOND,
      minSyncPeriodMs: SECOND,
      clock,
      log,
      sysctls,
      backends: {
        nftables: { probe: works, create: main },
        iptables: {
          probe: (_exec, _signal, family) => Promise.resolve(family === 4 ? undefined : 'no IPv6'),
          create: () => other,
        },
        ipvs: { probe: works },
      },
      ...rest,
    });
  };

  beforeEach(() => {
    [clock, log, programs, stop] = [
      createFakeClock(START),
      createLines(),
      createRecordingExec(),
      new AbortController(),
    ];
    [four, six, other] = [createRecordingBackend(), createRecordingBackend(), createRecordingBackend()];
    proxy = create();
  });

  afterEach(async () => {
    stop.abort();
    await clock.advance(60 * SECOND);
    await proxy.ended();
  });

  const startWith = async (...list: readonly ServiceInput[]): Promise<void> => {
    proxy.update({ services: services(...list) });
    await proxy.start(stop.signal);
    proxy.synced();
    await clock.advance(0);
  };

  test('writes nothing before all sources have told what they have', async () => {
    await proxy.start(stop.signal);
    proxy.update({ services: services(WEB) });
    await clock.advance(120 * SECOND);
    expect([four.calls, other.calls]).toEqual([[], []]);
    proxy.synced();
    await clock.advance(0);
    expect(four.calls).toEqual(['full web']);
  });

  test('writes both families, then removes what the other mode has left where that works', async () => {
    await startWith(WEB);
    expect([four.calls, six.calls, other.calls]).toEqual([['full web'], ['full '], ['cleanup']]);
    expect(log.lines).toEqual(['info proxy mode']);
  });

  test('a change is a partial sync of the families that it touches', async () => {
    await startWith(WEB);
    await clock.advance(2 * SECOND);
    proxy.update({ services: services(webOf('api', '192.0.2.11')) });
    await clock.advance(0);
    expect([four.calls, six.calls]).toEqual([['full web', 'partial api,web'], ['full ']]);
    expect(proxy.isSettled()).toBe(true);
  });

  test('a change that says the same again writes nothing', async () => {
    await startWith(WEB);
    await clock.advance(2 * SECOND);
    proxy.update({ services: services({ ...WEB }) });
    await clock.advance(2 * SECOND);
    expect(four.calls).toEqual(['full web']);
  });

  test('what comes during a sync is one further sync', async () => {
    let open = (): void => undefined;
    four.gate = new Promise<void>((resolve) => (open = resolve));
    await startWith(WEB);
    for (const part of [11, 12, 13]) proxy.update({ services: services(webOf(`s${part}`, `192.0.2.${part}`)) });
    await clock.advance(5 * SECOND);
    expect(four.calls).toEqual(['full web']);
    open();
    await clock.advance(SECOND);
    expect(four.calls).toEqual(['full web', 'partial s11,s12,s13,web']);
  });

  test('writes all again when somebody has removed the rules', async () => {
    await startWith(WEB);
    four.isThere = false;
    await clock.advance(30 * SECOND);
    expect(four.calls).toEqual(['full web', 'intact?', 'full web']);
    expect(six.calls).toEqual(['full ', 'intact?']);
    expect(log.lines.at(-1)).toBe('warn rules of Services were removed by another program: writing all again');
  });

  test('changes that never end do not keep it from looking after the rules', async () => {
    await startWith(WEB);
    for (let second = 0; second < 40; second += 1) {
      proxy.update({ services: services(webOf('web', `192.0.2.${20 + second}`)) });
      await clock.advance(SECOND);
    }
    expect(four.calls.filter((call) => call === 'intact?')).toHaveLength(1);
  });

  test('writes all once an hour', async () => {
    await startWith(WEB);
    await clock.advance(3_620 * SECOND);
    expect(four.calls.filter((call) => call.startsWith('full'))).toHaveLength(2);
  });

  test('a full sync is written when it is asked for', async () => {
    await startWith(WEB);
    await clock.advance(2 * SECOND);
    proxy.requestFullSync();
    await clock.advance(0);
    expect(four.calls).toEqual(['full web', 'full web']);
  });

  test('a failure is told and tried again, and one family does not hold the other', async () => {
    four.failure = new Error('refused');
    await startWith(WEB);
    expect([four.calls, six.calls]).toEqual([['full web'], ['full ']]);
    await clock.advance(2 * SECOND);
    four.failure = undefined;
    await clock.advance(4 * SECOND);
    expect(four.calls).toEqual(['full web', 'full web', 'full web']);
    expect(log.lines.slice(1)).toEqual(Array(2).fill('error cannot write the rules of Services'));
    expect(proxy.isSettled()).toBe(true);
  });

  test('a family whose rules are not written is told by its health, and what other modes left stays', async () => {
    four.failure = new Error('refused');
    await startWith(WEB);
    await clock.advance(59 * SECOND);
    expect(proxy.health().isHealthy).toBe(true);
    await clock.advance(SECOND);
    expect(proxy.health().isHealthy).toBe(false);
    expect(other.calls).toEqual([]);
    four.failure = undefined;
    await clock.advance(31 * SECOND);
    expect(proxy.health().isHealthy).toBe(true);
    expect(other.calls).toEqual(['cleanup']);
  });

  test('stale flows are looked for after UDP endpoints changed, and only then', async () => {
    const dns = service({ ports: [{ port: 53, protocol: 'UDP' }] });
    const endpoints = (ip: string) =>
      slice([{ addresses: [ip] }], { ports: [{ name: '', port: 5353, protocol: 'UDP' }] });
    await startWith(dns);
    await clock.advance(2 * SECOND);
    proxy.update({ services: services(webOf('api', '192.0.2.11')) });
    await clock.advance(2 * SECOND);
    expect(programs.ran).toEqual(['conntrack -L -f ipv4 -p udp']);
    proxy.update({ slices: new Map([['lab/web-1', endpoints('198.51.100.1')]]) });
    await clock.advance(0);
    expect(programs.ran).toEqual(Array(2).fill('conntrack -L -f ipv4 -p udp'));
  });

  test('the signal ends it and leaves the rules', async () => {
    await startWith(WEB);
    const before = [...four.calls];
    stop.abort();
    await proxy.ended();
    proxy.update({ services: services(webOf('api', '192.0.2.11')) });
    await clock.advance(60 * SECOND);
    expect(four.calls).toEqual(before);
  });

  test('ends also when no source ever told what it has', async () => {
    await proxy.start(stop.signal);
    stop.abort();
    await proxy.ended();
    expect(four.calls).toEqual([]);
  });

  test('refuses a mode that cannot work', async () => {
    proxy = create({ mode: 'ipvs' });
    await expect(proxy.start(stop.signal)).rejects.toThrow(
      "the proxy mode 'ipvs' cannot work on this host. ipvs: this version of podwright has no backend for it",
    );
  });

  test('other addresses of the node are other settings', async () => {
    await startWith(WEB);
    await clock.advance(2 * SECOND);
    proxy.updateNode({ addresses: { primary: ['203.0.113.8'], all: ['203.0.113.8', '203.0.113.9'] } });
    await clock.advance(0);
    expect(four.calls).toEqual(['full web', 'partial web']);
    expect(proxy.plans()[4].settings.nodeIps).toEqual(['203.0.113.8', '203.0.113.9']);
  });
});
