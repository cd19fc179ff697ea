import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Exec, ExecFailure, type ExecRequest } from '../../../cni/util/exec.ts';
import type { CredentialProvider } from '../../../agent/config/index.ts';
import { createCredentialPlugin } from '../../../agent/images/credential-plugin.ts';
import type { Credentials } from '../../../agent/images/credentials.ts';
import { CredentialResponseError, readPluginAnswer } from '../../../agent/images/plugin-answer.ts';
import { deferred, never, settled } from './fakes.ts';

const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';
const answer = { kind: 'CredentialProviderResponse', apiVersion, cacheKeyType: 'Image' };
const auth = { 'a.test': { username: 'anna', password: 'top secret' } };

let requests: ExecRequest[];
let logged: object[];
let time: number;
let reply: (request: ExecRequest) => Promise<string>;

beforeEach(() => {
  requests = [];
  logged = [];
  time = 0;
  reply = () => Promise.resolve(JSON.stringify({ ...answer, auth }));
});

const exec: Exec = async (request) => {
  requests.push(request);
  return { stdout: await reply(request), stderr: '' };
};

function plugin(overrides: Partial<CredentialProvider> = {}): Credentials {
  const provider: CredentialProvider = {
    name: 'login',
    matchImages: ['*.test'],
    defaultCacheMs: 0,
    apiVersion,
    args: ['get'],
    env: { REGION: 'here' },
    needsServiceAccount: false,
    ...overrides,
  };
  const log = { warn: (fields: object): void => void logged.push(fields) };
  return createCredentialPlugin(provider, { binDir: '/plugins', exec, now: () => time, log });
}

const asked = (): readonly string[] => requests.map(({ input = '' }) => (JSON.parse(input) as { image: string }).image);

it('asks by standard input, and uses what fits the image', async () => {
  expect(await plugin()('a.test/team/app:1', never)).toEqual([{ username: 'anna', password: 'top secret' }]);
  const input = JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion, image: 'a.test/team/app' });
  const env = { REGION: 'here' };
  expect(requests).toEqual([{ file: '/plugins/login', args: ['get'], env, input, timeoutMs: 60_000 }]);
  expect(await plugin()('b.test/app', never)).toEqual([]);
});

it.each([
  ['an image that no pattern fits', {}, 'other.example/app'],
  ['a plugin that works with service accounts only', { needsServiceAccount: true }, 'a.test/app'],
])('%s: is not asked', async (_, overrides, image) => {
  expect([await plugin(overrides)(image, never), requests]).toEqual([[], []]);
});

describe('an answer is used again', () => {
  const images = ['a.test/x', 'a.test/x:2', 'a.test/y', 'b.test/x'];
  it.each([
    ['Image', ['a.test/x', 'a.test/y', 'b.test/x']],
    ['Registry', ['a.test/x', 'b.test/x']],
    ['Global', ['a.test/x']],
  ])('for the same %s', async (cacheKeyType, expected) => {
    reply = () => Promise.resolve(JSON.stringify({ ...answer, cacheKeyType, auth, cacheDuration: '5m' }));
    const credentials = plugin();
    for (const image of images) await credentials(image, never);
    expect(asked()).toEqual(expected);
  });

  it.each([
    ['0s', 600_000, 0, 2],
    [undefined, 0, 0, 2],
    [undefined, 600_000, 600_000, 1],
    [undefined, 600_000, 600_001, 2],
    ['1m', 600_000, 60_000, 1],
    ['1m', 600_000, 60_001, 2],
  ])(
    'answer %s, configuration %s ms, after %s ms: asked %s times',
    async (cacheDuration, defaultCacheMs, ms, times) => {
      reply = () => Promise.resolve(JSON.stringify({ ...answer, auth, cacheDuration }));
      const credentials = plugin({ defaultCacheMs });
      await credentials('a.test/x', never);
      time += ms;
      await credentials('a.test/x', never);
      expect(requests.length).toBe(times);
    },
  );

  it('by all that ask at the same time', async () => {
    const gate = deferred();
    reply = async () => {
      await gate.promise;
      return JSON.stringify({ ...answer, auth });
    };
    const credentials = plugin();
    const all = Promise.all([1, 2, 3].map((tag) => credentials(`a.test/x:${tag}`, never)));
    await settled();
    gate.resolve();
    expect((await all).map((auths) => auths.length)).toEqual([1, 1, 1]);
    expect(requests.length).toBe(1);
  });
});

describe('a plugin that fails gives no credentials, and the log shows none', () => {
  const failure = (fields: Partial<ExecFailure>): ExecFailure =>
    Object.assign(Object.create(ExecFailure.prototype) as ExecFailure, { stderr: '', ...fields });

  it.each([
    [failure({ exitCode: 3, stderr: 'no role\n', stdout: 'top secret' }), 'exit code 3: no role'],
    [failure({ notFound: true }), 'the program does not exist'],
    [failure({ timedOut: true }), 'it did not answer within 60 s'],
    [new Error('top secret'), 'it cannot be run'],
    ['{"auth": "top secret', 'its answer cannot be used: it must be a JSON object'],
    [{ ...answer, kind: 'X', auth }, 'its answer cannot be used: kind must be CredentialProviderResponse'],
    [
      { ...answer, apiVersion: 'v0', auth },
      `its answer cannot be used: apiVersion must be ${apiVersion}, as in the request`,
    ],
    [
      { ...answer, cacheKeyType: '', auth },
      'its answer cannot be used: cacheKeyType must be Image, Registry or Global',
    ],
    [{ ...answer, cacheDuration: 5, auth }, 'its answer cannot be used: cacheDuration must be a duration such as 5m'],
  ])('%#: %s', async (result, reason) => {
    reply = () => {
      if (result instanceof Error) return Promise.reject(result);
      return Promise.resolve(typeof result === 'string' ? result : JSON.stringify(result));
    };
    expect(await plugin()('a.test/x', never)).toEqual([]);
    expect(logged).toEqual([{ plugin: 'login', image: 'a.test/x', reason }]);
  });
});

it('readPluginAnswer throws nothing but its own error', () => {
  const field = fc.oneof(fc.string(), fc.jsonValue());
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record({ auth: field, cacheKeyType: field, cacheDuration: field })
      .map((r) => JSON.stringify({ ...answer, ...r })),
  );
  fc.assert(
    fc.property(text, (given) => {
      try {
        readPluginAnswer(given, apiVersion);
      } catch (error) {
        expect(error).toBeInstanceOf(CredentialResponseError);
      }
    }),
  );
});
