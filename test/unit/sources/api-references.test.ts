import { expect, test } from 'vitest';
import { ApiStatusError } from '../../../agent/api/errors.ts';
import type { ApiClient, ApiObject, FollowHandler, ObjectPath, Resource } from '../../../agent/api/types.ts';
import { createReferencedObjects, type ReferencedObjects } from '../../../agent/sources/api-references.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { createFakeClock } from '../probes/fake-clock.ts';

const log = { warn: () => undefined };

const pod = {
  metadata: { name: 'web', namespace: 'default', uid: 'u', labels: {}, annotations: {} },
  spec: { containers: [], volumes: [{ name: 'keys', secret: { secretName: 'keys' } }] },
} as unknown as Pod;
const secret = (resourceVersion: string): ApiObject => ({
  metadata: { name: 'keys', namespace: 'default', resourceVersion },
});
const notFound = new ApiStatusError('get secret keys', 404, { reason: 'NotFound' });

/** A server whose list comes from a cache, and whose answers to `get` come when the test says so. */
function follow(): {
  readonly references: ReferencedObjects;
  readonly handler: FollowHandler;
  readonly answer: (object: ApiObject | undefined) => Promise<void>;
  readonly known: () => readonly unknown[];
} {
  let handler: FollowHandler | undefined;
  let answer: ((object: ApiObject | undefined) => void) | undefined;
  const client = {
    follow: async (_: unknown, __: unknown, given: FollowHandler) => {
      handler = given;
      await new Promise(() => undefined);
    },
    get: async () =>
      new Promise<ApiObject>((resolve, reject) => {
        answer = (object) => (object === undefined ? reject(notFound) : resolve(object));
      }),
  } as unknown as ApiClient;
  const references = createReferencedObjects({ client, clock: createFakeClock(0), log }, () => undefined);
  references.watch([pod]);
  if (handler === undefined) throw new Error('nothing is followed');
  return {
    ...{ references, handler },
    answer: async (object) => {
      answer?.(object);
      await new Promise(setImmediate);
    },
    known: () => references.objects().map(({ metadata }) => (metadata as { resourceVersion?: string }).resourceVersion),
  };
}

test('an object that the first list lacks is asked for before a pod hears that it is not there', async () => {
  const { references, handler, answer, known } = follow();
  handler.listed([]);
  expect(references.isKnown(pod)).toBe(false);
  await answer(secret('7'));
  expect([references.isKnown(pod), known()]).toEqual([true, ['7']]);
});

test('an object that is not there either way counts as looked for', async () => {
  const { references, handler, answer, known } = follow();
  handler.listed([]);
  await answer(undefined);
  expect([references.isKnown(pod), known()]).toEqual([true, []]);
});

test('what the watch says while the answer is on its way is newer', async () => {
  const { handler, answer, known } = follow();
  handler.listed([]);
  handler.applied(secret('8'));
  await answer(secret('7'));
  expect(known()).toEqual(['8']);
});

test('a list later on is believed: the object is gone', () => {
  const { references, handler, known } = follow();
  handler.listed([secret('7')]);
  handler.listed([]);
  expect([references.isKnown(pod), known()]).toEqual([true, []]);
});

/** A server on which a node may get claims and volumes, and neither list nor watch them. */
function claims() {
  const clock = createFakeClock(0);
  const server = new Map<string, ApiObject>();
  const asked: string[] = [];
  const client = {
    follow: () => Promise.reject(new Error('can only get individual resources of this type')),
    get: ({ plural }: Resource, { name }: ObjectPath) => {
      asked.push(`${plural}/${name}`);
      const found = server.get(`${plural}/${name}`);
      return found === undefined ? Promise.reject(notFound) : Promise.resolve(found);
    },
  } as unknown as ApiClient;
  let pods: readonly Pod[] = [];
  const references = createReferencedObjects({ client, clock, log }, () => references.watch(pods));
  const watch = (...next: readonly Pod[]): void => {
    pods = next;
    references.watch(pods);
  };
  const put = (plural: string, name: string, rest: object): void =>
    void server.set(`${plural}/${name}`, { metadata: { name }, ...rest });
  const takeAsked = (): readonly string[] => asked.splice(0);
  const known = () => references.objects().map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  return { clock, references, watch, put, takeAsked, known };
}

const claimant = (uid: string, volume: object = { persistentVolumeClaim: { claimName: 'web-data' } }): Pod =>
  ({
    metadata: { name: 'web', namespace: 'default', uid, labels: {}, annotations: {} },
    spec: { containers: [], volumes: [{ name: 'data', ...volume }] },
  }) as unknown as Pod;

test.each([
  ['a claim', claimant('u')],
  ['the claim of an ephemeral volume', claimant('u', { ephemeral: { volumeClaimTemplate: {} } })],
])('%s is asked for until it is bound, then its volume', async (_, waiting) => {
  const { clock, references, watch, put, takeAsked, known } = claims();
  watch(waiting);
  await clock.advance(0);
  expect([references.isKnown(waiting), known()]).toEqual([true, []]);
  put('persistentvolumeclaims', 'web-data', { spec: {} });
  await clock.advance(1_000);
  expect(known()).toEqual(['PersistentVolumeClaim/web-data']);
  put('persistentvolumeclaims', 'web-data', { spec: { volumeName: 'pv' } });
  put('persistentvolumes', 'pv', {});
  await clock.advance(2_000);
  expect(known()).toEqual(['PersistentVolumeClaim/web-data', 'PersistentVolume/pv']);
  const claim = 'persistentvolumeclaims/web-data';
  expect(takeAsked()).toEqual([claim, claim, claim, 'persistentvolumes/pv']);
  await clock.advance(599_000);
  expect(takeAsked()).toEqual([]);
  watch();
  expect(known()).toEqual([]);
  await references.stop();
});

test('a claim is asked for again when another pod names it: it may be another one of that name', async () => {
  const { clock, references, watch, put, takeAsked } = claims();
  put('persistentvolumeclaims', 'web-data', { spec: { volumeName: 'pv' } });
  put('persistentvolumes', 'pv', {});
  watch(claimant('u'));
  await clock.advance(0);
  watch(claimant('u'));
  await clock.advance(0);
  takeAsked();
  const next = claimant('v');
  watch(next);
  expect(references.isKnown(next)).toBe(false);
  await clock.advance(0);
  expect(references.isKnown(next)).toBe(true);
  expect(takeAsked()).toEqual(['persistentvolumeclaims/web-data', 'persistentvolumes/pv']);
  await references.stop();
});
