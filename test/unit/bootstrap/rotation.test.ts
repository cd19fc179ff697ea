import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiUnavailableError } from '../../../agent/api/errors.ts';
import type { ApiClient } from '../../../agent/api/types.ts';
import { createCertificateManager } from '../../../agent/bootstrap/certificate-manager.ts';
import { storePair } from '../../../agent/bootstrap/certificate-store.ts';
import {
  certificateLife,
  type CertificateNames,
  hasNames,
  planRotation,
  rotationTime,
} from '../../../agent/bootstrap/rotation-plan.ts';
import { renderSelfSigned } from '../../../agent/server/kubelet/self-signed-render.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const start = Date.parse('2026-01-31T12:00:00Z');
const noNames = { dnsNames: [], ipAddresses: [] };

/** As a signer makes them: from an hour before, for a year. */
const certificate = (now: number, hosts: readonly string[] = ['n1']): string => renderSelfSigned(hosts, now).cert;

describe('rotationTime', () => {
  it.each([
    [0, 70],
    [0.5, 80],
    [0.999999, 90],
  ])('with chance %s, after %s percent of the life', (random, percent) => {
    expect(rotationTime({ from: 1_000, until: 101_000 }, random)).toBeCloseTo(1_000 + percent * 1_000, 0);
  });
});

describe('hasNames', () => {
  const pem = certificate(start, ['n1', '192.0.2.1', '2001:db8::1']);
  it.each<[string, CertificateNames, boolean]>([
    ['all', { dnsNames: ['n1'], ipAddresses: ['192.0.2.1', '2001:db8::1'] }, true],
    ['fewer', { dnsNames: [], ipAddresses: ['2001:db8::1'] }, true],
    ['another address', { dnsNames: ['n1'], ipAddresses: ['192.0.2.2'] }, false],
    ['another name', { dnsNames: ['n2'], ipAddresses: [] }, false],
  ])('%s', (_, names, expected) => expect(hasNames(pem, names)).toBe(expected));
});

describe('planRotation', () => {
  const pem = certificate(start);
  const { until } = certificateLife(pem) ?? { until: NaN };
  const facts = { pem, names: noNames, dueAt: start + 100 * dayMs, now: start, outlivesEnd: false };
  it.each([
    ['early', facts, { action: 'wait', at: facts.dueAt }],
    ['when it is due', { ...facts, now: facts.dueAt }, { action: 'rotate' }],
    ['after its end, as the client', { ...facts, now: until }, { action: 'ended', since: until }],
    ['after its end, as a server', { ...facts, now: until, outlivesEnd: true }, { action: 'rotate' }],
    ['without one, as the client', { ...facts, pem: undefined }, { action: 'ended', since: start }],
    ['without one, as a server', { ...facts, pem: undefined, outlivesEnd: true }, { action: 'rotate' }],
    ['with other names', { ...facts, names: { dnsNames: ['n2'], ipAddresses: [] } }, { action: 'rotate' }],
    ['with what is no certificate', { ...facts, pem: 'x' }, { action: 'ended', since: start }],
  ])('%s', (_, given, expected) => expect(planRotation(given)).toEqual(expected));
});

let dir: string;
let current: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwright-rotation-'));
  current = join(dir, 'kubelet-client-current.pem');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('the store moves a link, keeps the former file for who reads it, and no older ones', async () => {
  const pair = (certificate: string) => ({ certificate, privateKey: 'KEY' });
  writeFileSync(join(dir, 'kubelet-client-ca.pem'), '');
  for (const second of [1, 2, 3]) {
    await storePair(current, 'kubelet-client', pair(`C${second}`), new Date(start + second * 1000));
  }
  expect(readdirSync(dir).sort()).toEqual([
    'kubelet-client-2026-01-31-12-00-02.pem',
    'kubelet-client-2026-01-31-12-00-03.pem',
    'kubelet-client-ca.pem',
    'kubelet-client-current.pem',
  ]);
  expect(readlinkSync(current)).toBe(join(dir, 'kubelet-client-2026-01-31-12-00-03.pem'));
  expect([readFileSync(current, 'utf8'), lstatSync(readlinkSync(current)).mode & 0o777]).toEqual(['C3\nKEY\n', 0o600]);
});

interface Run {
  /** Certificate that is there at first. */
  readonly first: string | undefined;
  readonly names?: () => CertificateNames;
  readonly outlivesEnd?: boolean;
  /** What the server does with the nth request. */
  readonly answer?: (nth: number) => Error | undefined;
  readonly days: number;
}

/** Lets a manager run in time of its own, and tells what happened by day. */
async function runManager({ first, names = () => noNames, outlivesEnd = false, answer, days }: Run) {
  if (first !== undefined) writeFileSync(current, first);
  let now = start;
  let requests = 0;
  const happened: string[] = [];
  const note = (text: string): void => void happened.push(`${Math.round((now - start) / dayMs)}: ${text}`);
  const controller = new AbortController();
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
      if (now > start + days * dayMs) controller.abort();
      controller.signal.throwIfAborted();
      return Promise.resolve();
    },
  };
  const api: Partial<ApiClient> = {
    serves: async () => Promise.resolve(true),
    create: async (_resource, _path, body) => {
      requests += 1;
      const error = answer?.(requests);
      return error === undefined ? Promise.resolve(body as never) : Promise.reject(error);
    },
    get: async () => {
      const { dnsNames, ipAddresses } = names();
      const issued = certificate(now, [...dnsNames, ...ipAddresses]);
      const status = { conditions: [{ type: 'Approved' }], certificate: Buffer.from(issued).toString('base64') };
      return Promise.resolve({ metadata: { name: 'csr' }, status } as never);
    },
  };
  const log = (_fields: object, message: string): void => note(message);
  const manager = createCertificateManager({
    ...{ clock, current, names, outlivesEnd, api: api as ApiClient, log: { info: log, warn: log, error: log } },
    ...{ pair: 'kubelet-client', signerName: 'kubernetes.io/kube-apiserver-client-kubelet' },
    commonName: 'system:node:n1',
    onRotated: async () => Promise.resolve(note('reload')),
    random: () => 0.5,
  });
  await manager.run(controller.signal).catch(() => undefined);
  return { happened, endsAt: manager.endsAt() };
}

describe('the manager', () => {
  it('replaces a certificate after 80 % of its life, again and again, and has the client reload', async () => {
    const { happened, endsAt } = await runManager({ first: certificate(start - 280 * dayMs), days: 310 });
    expect(happened).toEqual([
      '12: reload',
      '12: the node has a new certificate',
      '304: reload',
      '304: the node has a new certificate',
    ]);
    expect((endsAt ?? 0) - start).toBeGreaterThan(650 * dayMs);
  });

  it('tries again, with pauses that grow, and does not lose the old one', async () => {
    const answer = (nth: number): Error | undefined => (nth <= 3 ? new ApiUnavailableError('away') : undefined);
    const { happened } = await runManager({ first: certificate(start - 300 * dayMs), answer, days: 1 });
    expect(happened).toEqual([
      ...Array.from({ length: 3 }, () => '0: the node cannot get a new certificate, will retry'),
      '0: reload',
      '0: the node has a new certificate',
    ]);
  });

  it('tells once that the client certificate has ended, and asks for nothing', async () => {
    const { happened } = await runManager({ first: certificate(start - 400 * dayMs), days: 0.1 });
    expect(happened).toEqual([expect.stringContaining('run podwright join again; pods go on running')]);
  });

  it('gets a certificate for servers where there is none, and another one for other names', async () => {
    let asked = 0;
    const names = (): CertificateNames => ({
      dnsNames: ['n1'],
      ipAddresses: [(asked += 1) < 5 ? '192.0.2.1' : '192.0.2.2'],
    });
    const { happened } = await runManager({ first: undefined, names, outlivesEnd: true, days: 5 });
    expect(happened.filter((line) => line.endsWith('reload'))).toHaveLength(2);
    expect(hasNames(readFileSync(current, 'utf8'), { dnsNames: ['n1'], ipAddresses: ['192.0.2.2'] })).toBe(true);
  });
});
