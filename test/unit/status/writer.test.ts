import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApiObject } from '../../../agent/api/types.ts';
import { CONFIG_HASH, CONFIG_MIRROR } from '../../../agent/objects/static-pod.ts';
import type { Pod, PodStatus } from '../../../agent/objects/types.ts';
import { createStatusWriter, type StatusWriter } from '../../../agent/status/writer.ts';
import { pod } from '../pods/fixtures.ts';
import { away, createFakeApi, type FakeApi, refusal } from './fake-api.ts';

let api: FakeApi;
let writer: StatusWriter;
const lines: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  lines.length = 0;
  // The server has taken the status that it was told last.
  api = createFakeApi(({ body }) => {
    const { metadata, status: told } = body as { metadata?: { uid: string }; status?: unknown };
    const { metadata: known } =
      [mirror('m1', 'h1'), mirror('m2', 'h1')].find(({ metadata: { uid } }) => uid === metadata?.uid) ?? deleted;
    return { metadata: known, status: told };
  });
  const log = { warn: () => void lines.push('warn'), debug: () => void lines.push('debug') };
  writer = createStatusWriter({ client: api.client, log });
});

afterEach(async () => {
  await writer.stop();
  vi.useRealTimers();
});

const status = (message: string): PodStatus => ({ phase: 'Running', message });
const seenPod: ApiObject = { metadata: { name: 'web-node', namespace: 'default', uid: 'u1', resourceVersion: '5' } };
const deleted: ApiObject = {
  metadata: { ...seenPod.metadata, resourceVersion: '6', deletionTimestamp: '2026-01-01T00:00:00Z' },
};
const mirror = (uid: string, hash: string): ApiObject => ({
  metadata: { ...seenPod.metadata, uid, annotations: { [CONFIG_MIRROR]: hash } },
});
const apiPod: Pod = { ...pod(), metadata: { ...pod().metadata, annotations: {} } };
const staticPod = (hash: string): Pod => {
  const { metadata, ...rest } = pod();
  return { ...rest, metadata: { ...metadata, uid: hash, annotations: { [CONFIG_HASH]: hash } } };
};
const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
/** What was written, as `verb object: message`, with the UID that it is meant for. */
const written = (): readonly string[] =>
  api.calls.map(({ verb, at, body }) => {
    const { metadata, status: told } = body as { metadata?: { uid: string }; status?: { message?: string } };
    return verb === 'delete' ? `${verb} ${at}` : `${verb} ${at} ${metadata?.uid ?? ''}: ${told?.message ?? ''}`;
  });
const patched = (message: string, uid = 'u1'): string => `patch pods/default/web-node/status ${uid}: ${message}`;

describe('the status of a pod', () => {
  it('waits until the server has the pod', async () => {
    writer.published(apiPod, status('a'));
    await settle();
    expect(written()).toEqual([]);
    writer.seen(seenPod);
    await settle();
    expect(written()).toEqual([patched('a')]);
  });

  it('is written once when it changes 500 times at once, and the newest wins', async () => {
    writer.seen(seenPod);
    let open = (): void => undefined;
    api.gate = new Promise((resolve) => (open = resolve));
    writer.published(apiPod, status('0'));
    await settle();
    for (let change = 1; change < 500; change += 1) writer.published(apiPod, status(`${change}`));
    open();
    await settle();
    expect(written()).toEqual([patched('0'), patched('499')]);
  });

  it.each([
    ['is away', away, 'debug,debug'],
    ['has a conflict', () => refusal(409, 'Conflict'), 'debug,debug'],
    ['is too busy', () => refusal(429, 'TooManyRequests'), 'warn,debug'],
  ])('is written later when the server %s, with what is the newest then', async (_what, failure, told) => {
    writer.seen(seenPod);
    api.failures.push(failure(), failure());
    writer.published(apiPod, status('a'));
    await settle(500);
    expect(written()).toEqual([patched('a'), patched('a')]);
    expect(lines.join()).toBe(told);
    writer.published(apiPod, status('b'));
    await settle(60_000);
    expect(written().slice(2)).toEqual([patched('b')]);
  });

  it('is written again when the server was set back to a state before it', async () => {
    const at = (version: string, told?: object): ApiObject => ({
      metadata: { ...seenPod.metadata, resourceVersion: version },
      ...(told === undefined ? {} : { status: told }),
    });
    writer.seen(at('5', { phase: 'Pending' }), true);
    writer.published(apiPod, status('a'));
    await settle();
    writer.seen(at('4', { phase: 'Pending' }));
    await settle();
    expect(written(), 'an event that was under way').toEqual([patched('a')]);
    writer.seen(at('4', { phase: 'Pending' }), true);
    await settle();
    expect(written()).toEqual([patched('a'), patched('a')]);
  });

  it('is compared with the last answer, whatever its version', async () => {
    writer.seen({ metadata: { ...seenPod.metadata, resourceVersion: '900' } });
    writer.published(apiPod, status('a')); // Answered with version 6.
    await settle();
    writer.published(apiPod, status('a'));
    await settle();
    expect(written()).toEqual([patched('a')]);
  });

  it('is not written again to a pod that the server does not have', async () => {
    writer.seen(seenPod);
    api.failures.push(refusal(404, 'NotFound'));
    writer.published(apiPod, status('a'));
    await settle(60_000);
    expect(written()).toEqual([patched('a')]);
    expect(lines).toEqual([]);
  });
});

describe('a pod that has ended', () => {
  it('goes from the server after its last status, which may come during the one before', async () => {
    writer.seen(deleted);
    let open = (): void => undefined;
    api.gate = new Promise((resolve) => (open = resolve));
    writer.published(apiPod, status('stopping'));
    await settle();
    writer.published(apiPod, status('stopped'));
    writer.ended(apiPod);
    open();
    await settle();
    expect(written().slice(0, 2)).toEqual([patched('stopping'), patched('stopped')]);
    expect(api.calls.slice(2)).toEqual([
      { verb: 'delete', at: 'pods/default/web-node', body: { gracePeriodSeconds: 0, preconditions: { uid: 'u1' } } },
    ]);
  });

  it('is forgotten when the server has let go of it before', async () => {
    writer.seen(seenPod);
    writer.gone(seenPod);
    writer.published(apiPod, status('a'));
    writer.ended(apiPod);
    await settle();
    writer.seen(seenPod);
    await settle();
    expect(written()).toEqual([]);
  });
});

describe('the status of a static pod', () => {
  it('goes to each mirror that shows it, and to no other of that name', async () => {
    writer.published(staticPod('h1'), status('a'));
    writer.seen(mirror('m0', 'h0'));
    await settle();
    expect(written()).toEqual([]);
    writer.gone(mirror('m0', 'h0'));
    writer.seen(mirror('m1', 'h1'));
    await settle();
    writer.gone(mirror('m1', 'h1'));
    writer.seen(mirror('m2', 'h1'));
    await settle();
    expect(written()).toEqual([patched('a', 'm1'), patched('a', 'm2')]);
  });

  it.each([
    ['there is no mirror', undefined],
    ['its mirror is there', mirror('m1', 'h1')],
  ])('is forgotten when it has ended and %s', async (_what, shown) => {
    if (shown !== undefined) writer.seen(shown);
    writer.published(staticPod('h1'), status('a'));
    writer.ended(staticPod('h1'));
    await settle();
    const before = api.calls.length;
    if (shown !== undefined) writer.gone(shown);
    writer.seen(mirror('m2', 'h1'));
    await settle();
    expect(written().slice(before)).toEqual([]);
  });

  it('is told anew when its manifest comes back', async () => {
    writer.seen(mirror('m1', 'h1'));
    writer.published(staticPod('h1'), status('a'));
    writer.ended(staticPod('h1'));
    writer.published(staticPod('h1'), status('b'));
    await settle();
    writer.gone(mirror('m1', 'h1'));
    writer.seen(mirror('m2', 'h1'));
    await settle();
    expect(written().at(-1)).toBe(patched('b', 'm2'));
  });
});
