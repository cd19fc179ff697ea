import { expect, test } from 'vitest';
import { ApiStatusError } from '../../../agent/api/errors.ts';
import type { ApiClient, ApiObject, FollowHandler } from '../../../agent/api/types.ts';
import { createReferencedObjects, type ReferencedObjects } from '../../../agent/sources/api-references.ts';
import type { Pod } from '../../../agent/objects/types.ts';

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
  const references = createReferencedObjects(client, () => undefined, { warn: () => undefined });
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
