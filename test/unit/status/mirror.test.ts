import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApiObject } from '../../../agent/api/types.ts';
import { CONFIG_HASH, CONFIG_MIRROR, CONFIG_SOURCE } from '../../../agent/objects/static-pod.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { createObjectStore } from '../../../agent/sources/store.ts';
import type { ObjectStore } from '../../../agent/sources/types.ts';
import { createMirrorPods, type MirrorPods } from '../../../agent/status/mirror.ts';
import { pod } from '../pods/fixtures.ts';
import { away, createFakeApi, type FakeApi, refusal } from './fake-api.ts';

let api: FakeApi;
let store: ObjectStore;
let mirrors: MirrorPods;
let nodeUid: string | undefined;
let isEnding: boolean;
const told: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  told.length = 0;
  nodeUid = 'n1-uid';
  isEnding = false;
  api = createFakeApi();
  store = createObjectStore(['file', 'api']);
  mirrors = createMirrorPods({
    ...{ client: api.client, store, nodeName: 'n1' },
    events: { event: (_object, _type, reason) => void told.push(reason) },
    log: { warn: () => void told.push('warn'), debug: () => undefined },
    nodeUid: () => nodeUid,
    isEnding: () => isEnding,
  });
});

afterEach(async () => {
  await mirrors.stop();
  vi.useRealTimers();
});

const staticPod = (hash: string): Pod => {
  const { metadata, ...rest } = pod();
  const annotations = { [CONFIG_HASH]: hash, [CONFIG_SOURCE]: 'file' };
  return { ...rest, metadata: { ...metadata, uid: hash, labels: { app: 'web' }, annotations } };
};
const manifests = (...pods: readonly Pod[]): void => {
  const sourced = pods.map((one) => ({ pod: one, source: 'file', origin: 'web.yaml' }));
  store.set({ source: 'file', pods: sourced, objects: [], problems: [] });
};
const apiListed = (): void => store.set({ source: 'api', pods: [], objects: [], problems: [] });
const mirror = (uid: string, hash: string, extra: object = {}): ApiObject => ({
  metadata: { name: 'web-node', namespace: 'default', uid, annotations: { [CONFIG_MIRROR]: hash }, ...extra },
});
const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const calls = (): readonly string[] =>
  api.calls.map(({ verb, body }) => {
    const { preconditions } = body as { preconditions?: { uid: string } };
    return preconditions === undefined ? verb : `${verb} ${preconditions.uid}`;
  });

describe('a mirror pod', () => {
  it('shows its static pod, owned by the Node', async () => {
    manifests(staticPod('h1'));
    apiListed();
    await settle();
    const { spec } = staticPod('h1');
    expect(api.calls).toEqual([
      {
        verb: 'create',
        at: 'pods/default',
        body: {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {
            name: 'web-node',
            namespace: 'default',
            labels: { app: 'web' },
            annotations: { [CONFIG_HASH]: 'h1', [CONFIG_SOURCE]: 'file', [CONFIG_MIRROR]: 'h1' },
            ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'n1-uid', controller: true }],
          },
          spec,
        },
      },
    ]);
  });

  it('is neither made nor removed before all sources are known, and not before the Node', async () => {
    nodeUid = undefined;
    mirrors.seen(mirror('m0', 'h0'));
    manifests(staticPod('h1'));
    await settle(60_000);
    expect(calls()).toEqual([]);
    apiListed();
    await settle();
    mirrors.gone(mirror('m0', 'h0'));
    await settle(60_000);
    expect(calls()).toEqual(['delete m0']);
    nodeUid = 'n1-uid';
    await settle(1_000);
    expect(calls()).toEqual(['delete m0', 'create']);
  });

  it.each([
    ['is to be deleted', mirror('m1', 'h1', { deletionTimestamp: '2026-01-01T00:00:00Z' }), true],
    ['shows another version', mirror('m1', 'h0'), true],
    ['shows what runs', mirror('m1', 'h1'), false],
  ])('that %s', async (_what, seen, isReplaced) => {
    mirrors.seen(seen);
    manifests(staticPod('h1'));
    apiListed();
    await settle();
    expect(calls()).toEqual(isReplaced ? ['delete m1'] : []);
    mirrors.gone(seen);
    await settle();
    expect(calls()).toEqual([...(isReplaced ? ['delete m1'] : []), 'create']);
  });

  it('stays until its static pod has ended, and is a leftover then', async () => {
    manifests(staticPod('h1'));
    apiListed();
    mirrors.seen(mirror('m1', 'h1'));
    await settle();
    api.calls.length = 0;
    isEnding = true;
    manifests();
    await settle();
    expect(calls()).toEqual([]);
    isEnding = false;
    mirrors.ended(staticPod('h1'));
    await settle();
    mirrors.gone(mirror('m1', 'h1'));
    await settle(60_000);
    expect(calls()).toEqual(['delete m1']);
  });

  it('that nobody has seen appear is made again', async () => {
    manifests(staticPod('h1'));
    apiListed();
    await settle(9_999);
    expect(calls()).toEqual(['create']);
    await settle(1);
    mirrors.seen(mirror('m1', 'h1'));
    await settle(60_000);
    expect(calls()).toEqual(['create', 'create']);
  });

  it('that is refused is told once and tried rarely; a new manifest is tried at once', async () => {
    api.failures.push(...Array.from({ length: 100 }, () => refusal(403, 'Forbidden')));
    manifests(staticPod('h1'));
    apiListed();
    await settle(3_600_000);
    expect(told).toEqual(['warn', 'FailedMirrorPod']);
    expect(api.calls.length).toBeLessThan(25);
    api.failures.length = 0;
    const before = api.calls.length;
    manifests(staticPod('h2'));
    await settle();
    expect(api.calls.length).toBe(before + 1);
  });

  it('waits for a server that is away, and tells nothing', async () => {
    api.failures.push(...Array.from({ length: 10 }, away));
    manifests(staticPod('h1'));
    apiListed();
    await settle(120_000);
    expect(api.calls.length).toBeGreaterThan(10);
    expect(told).toEqual([]);
  });
});
