import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiUnavailableError } from '../../../agent/api/errors.ts';
import type { ApiClient } from '../../../agent/api/types.ts';
import { createTokenManager, type TokenManager } from '../../../agent/tokens/manager.ts';
import { createFakeClock, type FakeClock } from '../probes/fake-clock.ts';
import { pod } from '../volumes/pods.ts';

const start = Date.UTC(2026, 0, 31, 12);
const second = 1000;
const hour = 3600 * second;
const tenMinutes = { audience: '', expirationSeconds: 600 };

let clock: FakeClock;
let tokens: TokenManager;
let stop: AbortController;
let running: Promise<void>;
/** What the server was asked, in order. */
let asked: { readonly path: unknown; readonly body: unknown }[];
/** UIDs of pods that were told to ask again, with the seconds since the start. */
let told: string[];
/** What the server answers: the life that it grants, or why not. */
let answer: (seconds: number) => number;
let random: number;
let warnings: string[];

const web = pod([], { serviceAccountName: 'builder' });
const other = { ...web, metadata: { ...web.metadata, name: 'other', uid: 'u2' } };
const never = new AbortController().signal;
const ask = (request = tenMinutes, of = web): Promise<string> => tokens.token(of, request, never);
const refuse = (): never => {
  throw new ApiUnavailableError('the server is away');
};

const client = {
  create: async (_: unknown, path: unknown, body: { spec: { expirationSeconds: number } }) => {
    asked.push({ path, body });
    const expirationSeconds = answer(body.spec.expirationSeconds);
    return Promise.resolve({ metadata: {}, spec: { expirationSeconds }, status: { token: `token-${asked.length}` } });
  },
} as unknown as Pick<ApiClient, 'create'>;

beforeEach(() => {
  [asked, told, warnings, random] = [[], [], [], 0];
  answer = (seconds) => seconds;
  clock = createFakeClock(start);
  stop = new AbortController();
  tokens = createTokenManager({
    ...{ client, clock, random: () => random },
    log: { warn: (fields, message) => warnings.push(`${message} ${JSON.stringify(fields)}`) },
  });
  const onDue = (uid: string): number => told.push(`${uid} ${(clock.now() - start) / second}`);
  running = tokens.run(onDue, stop.signal).catch(() => undefined);
});
afterEach(async () => {
  stop.abort();
  await running;
});

describe('a token', () => {
  it('is asked for once, for the pod and its service account', async () => {
    expect([await ask(), await ask()]).toEqual(['token-1', 'token-1']);
    const { name, uid } = web.metadata;
    expect(asked).toEqual([
      {
        path: { namespace: 'default', name: 'builder', subresource: 'token' },
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { expirationSeconds: 600, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
        },
      },
    ]);
  });

  it('is another one for another audience, life or pod', async () => {
    const vault = { audience: 'vault', expirationSeconds: 600 };
    const long = { audience: '', expirationSeconds: 601 };
    expect([await ask(), await ask(vault), await ask(long), await ask(tenMinutes, other), await ask(vault)]).toEqual([
      ...['token-1', 'token-2', 'token-3', 'token-4', 'token-2'],
    ]);
    expect(asked[1]?.body).toMatchObject({ spec: { audiences: ['vault'] } });
  });

  it('that the server does not grant is an error, and is asked for again', async () => {
    answer = refuse;
    await expect(ask()).rejects.toThrow('the server is away');
    answer = (seconds) => seconds;
    expect(await ask()).toBe('token-2');
  });

  it('is forgotten with its pod', async () => {
    await ask();
    await ask(tenMinutes, other);
    tokens.forget(web.metadata.uid);
    expect([await ask(tenMinutes, other), await ask()]).toEqual(['token-2', 'token-3']);
    await clock.advance(480 * second);
    expect(told).toEqual(['u2 480', `${web.metadata.uid} 480`]);
  });

  it('that comes after the pod was given up is not kept', async () => {
    const gone = new AbortController();
    answer = (seconds) => {
      gone.abort(new Error('the pod is not wanted any more'));
      return seconds;
    };
    await expect(tokens.token(web, tenMinutes, gone.signal)).rejects.toThrow('not wanted');
    expect(await ask()).toBe('token-2');
  });
});

describe('renewal', () => {
  it.each([
    ['when four fifths of the life are over', 600, 0, 480],
    ['up to ten seconds earlier', 600, 0.5, 475],
    ['after a day at the latest', 7 * 24 * 3600, 0, 24 * 3600],
  ])('is due %s', async (_, expirationSeconds, jitter, due) => {
    random = jitter;
    const request = { audience: '', expirationSeconds };
    await ask(request);
    await clock.advance(due * second - 1);
    expect([told, await ask(request)]).toEqual([[], 'token-1']);
    await clock.advance(1);
    expect([told, await ask(request)]).toEqual([[`${web.metadata.uid} ${due}`], 'token-2']);
    await clock.advance(due * second);
    expect(told).toEqual([`${web.metadata.uid} ${due}`, `${web.metadata.uid} ${2 * due}`]);
  });

  it('goes by the life that the server granted', async () => {
    answer = () => 100;
    await ask();
    await clock.advance(80 * second);
    expect(await ask()).toBe('token-2');
  });

  it('is due when the clock was set back: a token from the future would be kept beyond its life', async () => {
    clock.setWall(start + 24 * hour);
    await ask();
    clock.setWall(start);
    answer = refuse;
    expect([await ask(), await ask()]).toEqual(['token-1', 'token-1']);
    expect([asked.length, warnings.length]).toEqual([2, 1]);
    answer = (seconds) => seconds;
    await clock.advance(30 * second);
    expect([told.at(-1), await ask()]).toEqual([`${web.metadata.uid} 30`, 'token-3']);
  });

  it('is due after its time also when the clock was set back meanwhile', async () => {
    await ask();
    clock.setWall(start - 24 * hour);
    await clock.advance(480 * second);
    expect([told.length, await ask()]).toEqual([1, 'token-2']);
  });

  it('sets one timer for all, and tells a pod once', async () => {
    await ask();
    await ask({ audience: 'vault', expirationSeconds: 600 });
    await ask(tenMinutes, other);
    await clock.advance(0);
    expect(clock.sleepers()).toBe(1);
    await clock.advance(hour);
    expect(told).toEqual([`${web.metadata.uid} 480`, 'u2 480']);
  });

  it('that fails leaves the old token as long as it holds, and is tried again every half minute', async () => {
    await ask();
    await clock.advance(480 * second);
    answer = refuse;
    expect([await ask(), await ask(), asked.length]).toEqual(['token-1', 'token-1', 2]);
    await clock.advance(30 * second);
    expect([await ask(), asked.length]).toEqual(['token-1', 3]);
    expect(told).toEqual([`${web.metadata.uid} 480`, `${web.metadata.uid} 510`]);
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).not.toContain('token-1');
    await clock.advance(90 * second);
    await expect(ask()).rejects.toThrow('the server is away');
    answer = (seconds) => seconds;
    expect(await ask()).toBe('token-5');
  });
});
