import { beforeEach, describe, expect, it } from 'vitest';
import { ApiStatusError } from '../../../agent/api/errors.ts';
import type { ApiClient, ApiObject, FollowHandler, Resource } from '../../../agent/api/types.ts';
import { pem } from '../../../agent/der.ts';
import { createTrustBundles, type TrustBundles } from '../../../agent/trust-bundles/manager.ts';
import { createFakeClock, type FakeClock } from '../probes/fake-clock.ts';
import { pod } from '../volumes/pods.ts';

const never = new AbortController().signal;
const web = pod([]);
const roots = { name: 'roots', path: 'ca.pem' };
const certificate = (text: string): string => pem('CERTIFICATE', Buffer.from(text));
const bundle = (text: string): ApiObject => ({
  metadata: { name: 'roots' },
  spec: { trustBundle: certificate(text) },
});

/** Versions that the server has; a test may change them. */
let served: string[];
let clock: FakeClock;
let bundles: TrustBundles;
/** What is followed: the version, what it is told by, and whether it still is. */
let followed: { readonly version: string; readonly handler: FollowHandler; readonly signal: AbortSignal }[];
let warnings: string[];

beforeEach(() => {
  [served, followed, warnings] = [['v1beta1', 'v1alpha1'], [], []];
  clock = createFakeClock(0);
  const client = {
    serves: (groupVersion: string) => Promise.resolve(served.some((version) => groupVersion.endsWith(`/${version}`))),
    follow: ({ version }: Resource, _: unknown, handler: FollowHandler, signal: AbortSignal) => {
      followed.push({ version, handler, signal });
      return new Promise<void>((__, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    },
  } as unknown as ApiClient;
  const log = { warn: (_: object, message: string) => warnings.push(message) };
  bundles = createTrustBundles({ client, clock, log });
});

const ask = (): Promise<string> => bundles.anchors(web, roots, never);
/** Asks, and waits until the server is asked. */
const begin = async (): Promise<readonly [Promise<string>]> => {
  const answer = ask();
  answer.catch(() => undefined);
  await clock.advance(0);
  return [answer];
};
const last = () => {
  const found = followed.at(-1);
  if (found === undefined) throw new Error('nothing is followed');
  return found;
};
describe('trust bundles', () => {
  it('are listed in the newest version when the first pod asks, and told of as they change', async () => {
    expect(followed).toEqual([]);
    const [answer] = await begin();
    expect(followed.map(({ version }) => version)).toEqual(['v1beta1']);
    last().handler.listed([bundle('1')]);
    expect(await answer).toBe(certificate('1'));
    const told: string[] = [];
    const stop = new AbortController();
    const running = bundles.run((uid) => told.push(uid), stop.signal);
    last().handler.applied(bundle('2'));
    expect([told, await ask()]).toEqual([[web.metadata.uid], certificate('2')]);
    last().handler.deleted(bundle('2'));
    await expect(ask()).rejects.toThrow('"roots" not found');
    bundles.forget(web.metadata.uid);
    last().handler.applied(bundle('3'));
    expect(told.length).toBe(2);
    expect(followed.length).toBe(1);
    stop.abort(new Error('the daemon stops'));
    await expect(running).rejects.toThrow('the daemon stops');
    expect(last().signal.aborted).toBe(true);
  });

  it('are kept while the server is away', async () => {
    const [answer] = await begin();
    last().handler.listed([bundle('1')]);
    await answer;
    last().handler.lost?.(new Error('away'), 1);
    expect([await ask(), warnings]).toEqual([certificate('1'), []]);
  });

  it('are waited for, but not for ever', async () => {
    const [answer] = await begin();
    await clock.advance(10_000);
    await expect(answer).rejects.toThrow('ClusterTrustBundles have not been read yet');
  });

  it('cannot be had from a server without them, until it has them', async () => {
    served = [];
    await expect(ask()).rejects.toThrow('the API server does not serve ClusterTrustBundles');
    served = ['v1'];
    const [answer] = await begin();
    expect(last().version).toBe('v1');
    last().handler.listed([bundle('1')]);
    expect(await answer).toBe(certificate('1'));
  });

  it('are looked for in another version when theirs is gone', async () => {
    const [answer] = await begin();
    last().handler.lost?.(new ApiStatusError('list clustertrustbundles', 404, { reason: 'NotFound' }), 1);
    await expect(answer).rejects.toThrow('list clustertrustbundles');
    expect(last().signal.aborted).toBe(true);
    served = ['v1'];
    const [next] = await begin();
    expect(followed.map(({ version }) => version)).toEqual(['v1beta1', 'v1']);
    last().handler.listed([bundle('1')]);
    expect(await next).toBe(certificate('1'));
  });

  it('that the node may not read are told of, and had when it may', async () => {
    const [answer] = await begin();
    const told: string[] = [];
    const stop = new AbortController();
    const running = bundles.run((uid) => told.push(uid), stop.signal);
    const refused = new ApiStatusError('list clustertrustbundles', 403, { message: 'forbidden' });
    for (const failures of [1, 2, 3]) last().handler.lost?.(refused, failures);
    await expect(answer).rejects.toThrow('forbidden');
    expect(told).toEqual([web.metadata.uid]);
    expect(warnings).toEqual(['ClusterTrustBundles cannot be read']);
    last().handler.listed([bundle('1')]);
    expect([await ask(), told.length]).toEqual([certificate('1'), 2]);
    stop.abort(new Error('the daemon stops'));
    await expect(running).rejects.toThrow('the daemon stops');
  });
});
