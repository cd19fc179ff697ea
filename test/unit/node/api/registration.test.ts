import { expect, test } from 'vitest';
import { ApiStatusError, ApiUnavailableError } from '../../../../agent/api/errors.ts';
import type { ApiClient, ApiObject, FollowHandler } from '../../../../agent/api/types.ts';
import { createKnownNode } from '../../../../agent/node/api/known-node.ts';
import { createNodeRegistration } from '../../../../agent/node/api/registration.ts';
import { createFakeClock } from '../../probes/fake-clock.ts';

const resources = {
  ...{ cpuMillis: 2000, memoryBytes: 4_294_967_296, ephemeralStorageBytes: 1_000_000, pods: 110, pids: 1000 },
  hugepages: {},
};
const systemInfo = {
  ...{ machineID: 'm', systemUUID: 's', bootID: 'b', kernelVersion: '6', osImage: 'Debian', operatingSystem: 'linux' },
  ...{ architecture: 'amd64', kubeletVersion: 'v1', kubeProxyVersion: 'v1', containerRuntimeVersion: 'docker://20' },
};
const facts = {
  ...{ addresses: ['192.0.2.1'], hostname: 'n1', capacity: resources, allocatable: resources, systemInfo },
  ...{ images: [], port: 10250 },
};
const nodeOf = (labels: Readonly<Record<string, string>>): ApiObject => ({
  metadata: { name: 'n1', uid: 'u1', labels },
});

/** A server that has the Node or not, may be away, and takes down what is written to it. */
function server(initial: ApiObject | undefined) {
  const calls: string[] = [];
  let [node, isAway] = [initial, false];
  let handler: FollowHandler | undefined;
  const asked = async (call: string, answer: () => ApiObject): Promise<ApiObject> => {
    await Promise.resolve();
    if (isAway) throw new ApiUnavailableError('away');
    calls.push(call);
    return (node = answer());
  };
  const found = (): ApiObject => {
    if (node === undefined) throw new ApiStatusError('get node', 404, {});
    return node;
  };
  const client = {
    get: () => asked('get', found),
    create: (_resource: unknown, _path: unknown, body: ApiObject) =>
      asked('create', () => {
        if (node !== undefined) throw new ApiStatusError('create node', 409, { reason: 'AlreadyExists' });
        return { ...body, metadata: { ...body.metadata, uid: 'u1' } };
      }),
    patch: (_resource: unknown, { subresource = 'node' }, { body }: { readonly body: Partial<ApiObject> }) =>
      asked(`patch ${subresource} ${Object.keys(body).join()}`, () => {
        const labels = { ...found().metadata.labels, ...body.metadata?.labels };
        return { ...found(), metadata: { ...found().metadata, labels }, ...('status' in body ? body : {}) };
      }),
    follow: async (_resource: unknown, _selection: unknown, given: FollowHandler): Promise<void> => {
      handler = given;
      await Promise.resolve();
    },
  } as unknown as ApiClient;
  const set = (next: { readonly node?: ApiObject | undefined; readonly isAway?: boolean }): void => {
    if ('node' in next) node = next.node;
    isAway = next.isAway ?? isAway;
  };
  return { calls, client, set, followed: (): FollowHandler => handler! };
}

async function start({ client }: ReturnType<typeof server>) {
  const clock = createFakeClock(Date.parse('2026-03-01T12:00:00Z'));
  const known = createKnownNode(client, 'n1');
  const log = { info: () => undefined, warn: () => undefined };
  const identity = { name: 'n1', labels: { 'kubernetes.io/os': 'linux' }, taints: [], providerId: undefined };
  const registration = createNodeRegistration({
    ...{ client, clock, known, log, identity, register: true, updateMs: 10_000, reportMs: 300_000 },
    facts: () => Promise.resolve(facts),
    conditions: () => [],
  });
  const ending = new AbortController();
  const running = registration.run(ending.signal);
  await clock.advance(0);
  const stop = async (): Promise<void> => {
    ending.abort();
    await running;
  };
  return { clock, known, stop };
}

test('a node that the server does not have is made, and again when it is deleted', async () => {
  const api = server(undefined);
  const { clock, known, stop } = await start(api);
  expect(known.uid()).toBe('u1');
  api.set({ node: undefined });
  api.followed().deleted(nodeOf({}));
  expect([known.uid(), known.labels()]).toEqual([undefined, { 'kubernetes.io/os': 'linux' }]);
  await clock.advance(0);
  await stop();
  expect(known.uid()).toBe('u1');
  expect(api.calls).toEqual(['create', 'patch status status', 'create']);
});

test('a node that is there gets the labels that it lacks', async () => {
  const api = server(nodeOf({ tier: 'front' }));
  const { known, stop } = await start(api);
  await stop();
  expect(known.labels()).toEqual({ tier: 'front', 'kubernetes.io/os': 'linux' });
  expect(api.calls).toEqual(['create', 'get', 'patch node metadata', 'patch status status']);
});

test('also when it was seen before the server could be asked to make it', async () => {
  const api = server(nodeOf({}));
  api.set({ isAway: true });
  const { clock, known, stop } = await start(api);
  api.set({ isAway: false });
  api.followed().listed([nodeOf({})]);
  await clock.advance(1_000);
  await stop();
  expect(known.labels()).toEqual({ 'kubernetes.io/os': 'linux' });
  expect(api.calls).toEqual(['patch node metadata', 'patch status status']);
});
