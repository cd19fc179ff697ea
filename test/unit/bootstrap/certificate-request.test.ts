import { expect, test } from 'vitest';
import { ApiUnavailableError } from '../../../agent/api/errors.ts';
import type { ApiClient, ApiObject } from '../../../agent/api/types.ts';
import { obtainCertificate } from '../../../agent/bootstrap/certificate-request.ts';

const approved = { conditions: [{ type: 'Approved' }] };
const issued = { ...approved, certificate: Buffer.from('PEM').toString('base64') };

/** Asks a server whose request has the state that `statusAt` gives for each second. */
async function obtain(statusAt: (second: number) => object | Error) {
  let now = 0;
  const said: string[] = [];
  const created: object[] = [];
  const api: Partial<ApiClient> = {
    serves: async () => Promise.resolve(true),
    create: async (_resource, _path, body) => {
      created.push(body);
      return Promise.resolve(body as never);
    },
    get: async () => {
      const status = statusAt(now / 1000);
      if (status instanceof Error) throw status;
      const request: ApiObject = { metadata: { name: 'csr' }, status };
      return Promise.resolve(request as never);
    },
  };
  const clock = { now: () => now, sleep: async (ms: number) => Promise.resolve(void (now += ms)) };
  const wish = {
    subject: { organization: 'system:nodes', commonName: 'system:node:a' },
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    timeoutMs: 60_000,
  } as const;
  const deps = { api: api as ApiClient, clock, say: (text: string) => void said.push(text) };
  const result = await obtainCertificate(wish, deps, new AbortController().signal).catch(
    (error: unknown) => error as Error,
  );
  return { result, said, created, seconds: () => now / 1000 };
}

test('is silent when the request is approved automatically', async () => {
  const { result, said, created } = await obtain((second) => (second < 2 ? {} : issued));
  expect(result).toMatchObject({ certificate: 'PEM' });
  expect(said).toEqual([]);
  expect(created).toMatchObject([
    {
      kind: 'CertificateSigningRequest',
      spec: {
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['digital signature', 'key encipherment', 'client auth'],
      },
    },
  ]);
});

test('says once each what it waits for', async () => {
  const { said } = await obtain((second) => {
    if (second < 10) return {};
    if (second < 20) return new ApiUnavailableError('away');
    return second < 30 ? approved : issued;
  });
  expect(said).toEqual([
    expect.stringMatching(/^waiting for CSR (node-csr-\S+) to be approved: kubectl certificate approve \1$/),
    expect.stringContaining('the API server, which cannot be reached'),
    expect.stringContaining('kube-controller-manager issues it'),
  ]);
});

test('gives up in time, with what it waited for', async () => {
  const { result, seconds } = await obtain(() => ({}));
  expect((result as Error).message).toMatch(/^gave up after 60 s waiting for CSR/);
  expect(seconds()).toBe(60);
});

test('ends with the reason when the request is denied', async () => {
  const denied = { conditions: [{ type: 'Denied', reason: 'No', message: 'unknown machine' }] };
  expect(((await obtain(() => denied)).result as Error).message).toContain('was denied: No: unknown machine');
});
