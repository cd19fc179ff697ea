import { describe, expect, test } from 'vitest';
import { parseCertificates, publicKeyHash } from '../../../agent/bootstrap/ca-pins.ts';
import { discoverByToken, type TokenDiscovery } from '../../../agent/bootstrap/discover-by-token.ts';
import type { HttpsAnswer, Trust } from '../../../agent/bootstrap/https-get.ts';
import { createAuthority, signDetached } from './authority.ts';

const token = { id: 'abcdef', secret: '0123456789abcdef' };
const authority = createAuthority();
const hashOf = (pem: string): string => parseCertificates(pem).map(publicKeyHash)[0] ?? '';

function kubeconfigOf(pem: string): string {
  const cluster = {
    server: 'https://192.0.2.1:6443',
    'certificate-authority-data': Buffer.from(pem).toString('base64'),
  };
  return JSON.stringify({ kind: 'Config', clusters: [{ name: '', cluster }] });
}

function answer(kubeconfig: string, signer: typeof token | 'nobody' = token): HttpsAnswer {
  const signature = signer === 'nobody' ? {} : { [`jws-kubeconfig-${signer.id}`]: signDetached(kubeconfig, signer) };
  return { status: 200, body: JSON.stringify({ data: { kubeconfig, ...signature } }), date: undefined };
}

/** Discovers with scripted answers; the last one repeats. Time passes only where the code sleeps. */
async function discover(answers: readonly (HttpsAnswer | Error)[], changes: Partial<TokenDiscovery> = {}) {
  const asked: Trust[] = [];
  let now = 0;
  const get = async (_url: string, trust: Trust): Promise<HttpsAnswer> => {
    const next = answers[Math.min(asked.push(trust), answers.length) - 1];
    if (next instanceof Error || next === undefined) throw next ?? new Error('no answer');
    return Promise.resolve(next);
  };
  const clock = { now: () => now, sleep: async (ms: number) => Promise.resolve(void (now += ms)) };
  const discovery = { endpoint: '192.0.2.1:6443', token, pins: new Set([hashOf(authority.pem)]), timeoutMs: 60_000 };
  const deps = { get, clock, say: () => undefined };
  const result = discoverByToken({ ...discovery, ...changes }, deps, new AbortController().signal);
  return { found: await result.catch((error: unknown) => error as Error), asked, waitedMs: () => now };
}

const failure = (code: string): Error => Object.assign(new Error(code), { code });
const good = answer(kubeconfigOf(authority.pem));

describe('discovery by token', () => {
  test('asks anybody first, then only a server that the pinned CA vouches for', async () => {
    const { found, asked } = await discover([good]);
    expect(found).toMatchObject({ server: 'https://192.0.2.1:6443', certificateAuthority: authority.pem });
    expect(asked).toEqual(['anybody', { ca: authority.pem }]);
  });

  test('without pins the signature has to do', async () => {
    expect((await discover([good], { pins: undefined })).asked).toEqual(['anybody']);
  });

  test('waits for a server that comes up, and for the signature of a new token', async () => {
    const { found, waitedMs } = await discover([
      failure('ECONNREFUSED'),
      answer(kubeconfigOf(authority.pem), { ...token, id: 'others' }),
      good,
    ]);
    expect(found).toMatchObject({ certificateAuthority: authority.pem });
    expect(waitedMs()).toBe(4000);
  });

  test.each<[string, readonly (HttpsAnswer | Error)[], string]>([
    ['another CA, signed with the right token', [answer(kubeconfigOf(createAuthority().pem))], 'not the expected one'],
    ['a wrong secret', [answer(kubeconfigOf(authority.pem), { ...token, secret: 'x'.repeat(16) })], 'does not fit'],
    ['a token that nobody knows', [answer(kubeconfigOf(authority.pem), 'nobody')], 'is not known to this cluster'],
    [
      'a man in the middle with another certificate',
      [good, failure('UNABLE_TO_VERIFY_LEAF_SIGNATURE')],
      "not of the cluster's CA",
    ],
    ['another answer with verified TLS', [good, answer(`${kubeconfigOf(authority.pem)}\n`)], 'was another one'],
    ['no server', [failure('ECONNREFUSED')], 'nobody listens there'],
    ['no right to read', [{ status: 403, body: '', date: undefined }], 'answered 403'],
  ])('refuses %s', async (_, answers, message) => {
    const { found } = await discover(answers);
    expect(found).toBeInstanceOf(Error);
    expect((found as Error).message).toContain(message);
  });
});
