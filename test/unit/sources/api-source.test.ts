import { expect, it } from 'vitest';
import type { ApiClient, ApiObject, FollowHandler, Resource } from '../../../agent/api/types.ts';
import { followApiServer } from '../../../agent/sources/api-source.ts';
import { createFakeClock } from '../probes/fake-clock.ts';

const pod: ApiObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'u', resourceVersion: '1' },
  spec: {
    nodeName: 'n1',
    containers: [{ name: 'main', image: 'i' }],
    volumes: [{ name: 'keys', secret: { secretName: 'keys' } }],
  },
};
const never = async (): Promise<never> => new Promise(() => undefined);

it('a pod waits for what it names as long as it may, also when the clock is set back meanwhile', async () => {
  const clock = createFakeClock(Date.parse('2026-03-01T12:00:00Z'));
  const client = {
    follow: async ({ plural }: Resource, _: unknown, handler: FollowHandler) => {
      if (plural === 'pods') handler.listed([pod]);
      return never();
    },
    get: never,
  } as unknown as ApiClient;
  const handedOver: number[] = [];
  const quiet = { info: () => undefined, warn: () => undefined, debug: () => undefined, error: () => undefined };
  const options = {
    ...{ client, nodeName: 'n1', clock, log: quiet },
    checkpoint: { load: () => Promise.resolve({ pods: [], objects: [] }), put: () => undefined, run: never },
    ...{ onSeen: () => undefined, onGone: () => undefined, onContact: () => undefined },
  };
  const onSnapshot = ({ pods }: { readonly pods: readonly unknown[] }): void => void handedOver.push(pods.length);
  void followApiServer({ ...options, onSnapshot }, new AbortController().signal);
  await clock.advance(9_000);
  expect(handedOver.at(-1)).toBe(0);
  clock.setWall(0);
  await clock.advance(1_000);
  expect(handedOver.at(-1)).toBe(1);
});
