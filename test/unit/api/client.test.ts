import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ApiStatusError,
  ApiUnavailableError,
  createApiClient,
  isConflict,
  isNotFound,
  type OwnedApiClient,
  renderKubeconfig,
  resources,
} from '../../../agent/api/index.ts';
import { createFakeClock, type FakeClock } from '../probes/fake-clock.ts';
import { type Authority, createAuthority, type Identity } from './certificates.ts';
import { createTestServer, sendJson, sendStatus, type TestServer } from './server.ts';

const signal = new AbortController().signal;
let authority: Authority;
let identity: Identity;
let node: Identity;
let server: TestServer;
let clock: FakeClock;
let directory: string;
let logged: string[];
const clients: OwnedApiClient[] = [];

beforeAll(async () => {
  authority = await createAuthority('cluster');
  identity = await authority.issue('kube-apiserver', { ips: ['127.0.0.1'], hosts: ['api.example'] });
  node = await authority.issue('system:node:n1');
});

beforeEach(async () => {
  server = await createTestServer(authority, identity, (_, response) => sendJson(response, 200, {}));
  clock = createFakeClock(1_700_000_000_000);
  directory = await mkdtemp(join(tmpdir(), 'podwright-api-'));
  logged = [];
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map(async (client) => client.close()));
  await server.close();
  await rm(directory, { recursive: true });
});

type User = Parameters<typeof renderKubeconfig>[0]['user'];

async function clientOf(
  user: User,
  { ca = authority.certificate, url = server.url, timeoutMs = 10_000, extra = '' } = {},
): Promise<OwnedApiClient> {
  const path = join(directory, 'kubelet.conf');
  const text = renderKubeconfig({ server: url, ca: { pem: ca }, userName: 'node', user });
  await writeFile(path, text.replace('      server:', `${extra}      server:`));
  const log = (fields: object, message: string): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  const client = createApiClient({
    connection: path,
    clock,
    log: { warn: log, info: log },
    userAgent: 'podwright/test',
    timeoutMs,
  });
  clients.push(client);
  return client;
}

const certificateUser = (): User => ({ certificatePem: node.certificate, keyPem: node.key });

describe('verbs', () => {
  const pod = { namespace: 'default', name: 'web' };
  const cases: readonly [string, (client: OwnedApiClient) => Promise<unknown>, object][] = [
    [
      'get',
      async (client) => client.get(resources.pods, pod, signal),
      { method: 'GET', path: '/api/v1/namespaces/default/pods/web', contentType: undefined, body: '' },
    ],
    [
      'get of what has no namespace',
      async (client) => client.get(resources.nodes, { name: 'n1', subresource: 'status' }, signal),
      { method: 'GET', path: '/api/v1/nodes/n1/status', contentType: undefined, body: '' },
    ],
    [
      'create in a group',
      async (client) =>
        client.create(resources.leases, { namespace: 'kube-node-lease' }, { metadata: { name: 'n1' } }, signal),
      {
        method: 'POST',
        path: '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
        contentType: 'application/json',
        body: '{"metadata":{"name":"n1"}}',
      },
    ],
    [
      'create of a subresource',
      async (client) =>
        client.create(resources.serviceAccounts, { ...pod, subresource: 'token' }, { spec: {} }, signal),
      {
        method: 'POST',
        path: '/api/v1/namespaces/default/serviceaccounts/web/token',
        contentType: 'application/json',
        body: '{"spec":{}}',
      },
    ],
    [
      'replace',
      async (client) => client.replace(resources.pods, pod, { a: 1 }, signal),
      { method: 'PUT', path: '/api/v1/namespaces/default/pods/web', contentType: 'application/json', body: '{"a":1}' },
    ],
    [
      'patch',
      async (client) =>
        client.patch(
          resources.pods,
          { ...pod, subresource: 'status' },
          { type: 'application/strategic-merge-patch+json', body: { status: {} }, fieldManager: 'podwright' },
          signal,
        ),
      {
        method: 'PATCH',
        path: '/api/v1/namespaces/default/pods/web/status?fieldManager=podwright',
        contentType: 'application/strategic-merge-patch+json',
        body: '{"status":{}}',
      },
    ],
    [
      'delete',
      async (client) =>
        client.delete(resources.pods, pod, { gracePeriodSeconds: 0, preconditions: { uid: 'u' } }, signal),
      {
        method: 'DELETE',
        path: '/api/v1/namespaces/default/pods/web',
        contentType: 'application/json',
        body: '{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"preconditions":{"uid":"u"}}',
      },
    ],
  ];

  it.each(cases)('%s', async (_, run, expected) => {
    await run(await clientOf(certificateUser()));
    expect(server.requests).toMatchObject([{ ...expected, client: 'system:node:n1', authorization: undefined }]);
  });

  it('keeps fields that it does not know, and few connections', async () => {
    const object = { kind: 'Node', metadata: { name: 'n1' }, status: { declaredFeatures: ['x'] }, new: { a: [null] } };
    server.answer = (_, response) => sendJson(response, 200, object);
    const client = await clientOf(certificateUser());
    await client.get(resources.nodes, { name: 'n1' }, signal);
    for (let calls = 0; calls < 10; calls += 1) {
      expect(await client.get(resources.nodes, { name: 'n1' }, signal)).toEqual(object);
    }
    // The second call may come before the connection of the first is free.
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  it('prefixes the path of the server', async () => {
    const client = await clientOf(certificateUser(), { url: `${server.url}/k8s/clusters/c-1/` });
    await client.raw('/version', signal);
    expect(server.requests[0]?.path).toBe('/k8s/clusters/c-1/version');
  });
});

describe('errors', () => {
  it.each([
    [404, 'NotFound', isNotFound],
    [409, 'Conflict', isConflict],
  ])('%d is typed', async (code, reason, guard) => {
    server.answer = (_, response) => sendStatus(response, code, reason, 'nodes "n1" says no');
    const client = await clientOf(certificateUser());
    const error = await client.get(resources.nodes, { name: 'n1' }, signal).catch((caught: unknown) => caught);
    expect(guard(error)).toBe(true);
    expect((error as Error).message).toBe('get nodes n1: nodes "n1" says no');
  });

  it('has the wait of Retry-After', async () => {
    server.answer = (_, response) => sendStatus(response, 429, 'TooManyRequests', 'slow down', { 'retry-after': '7' });
    const client = await clientOf(certificateUser());
    await expect(client.raw('/version', signal)).rejects.toMatchObject({ code: 429, retryAfterMs: 7000 });
  });

  it('shows the beginning of the page of a proxy', async () => {
    server.answer = (_, response) => void response.writeHead(502).end('<h1>Bad Gateway</h1>');
    const client = await clientOf(certificateUser());
    await expect(client.raw('/version', signal)).rejects.toThrow(
      new ApiStatusError('get /version', 502, { message: 'HTTP 502: <h1>Bad Gateway</h1>' }),
    );
  });

  it('a server that does not answer', async () => {
    server.answer = () => undefined;
    const client = await clientOf(certificateUser(), { timeoutMs: 50 });
    const error = await client.raw('/version', signal).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiUnavailableError);
    expect((error as Error).message).toBe('get /version: get /version did not end within 50 ms');
  });

  it('a server that is not there', async () => {
    const client = await clientOf(certificateUser(), { url: 'https://127.0.0.1:1' });
    await expect(client.raw('/version', signal)).rejects.toThrow(/^get \/version: connect ECONNREFUSED 127.0.0.1:1$/);
  });

  it('an answer that breaks off', async () => {
    server.answer = (_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"a":');
      setImmediate(() => server.cut());
    };
    const client = await clientOf(certificateUser());
    await expect(client.raw('/version', signal)).rejects.toBeInstanceOf(ApiUnavailableError);
  });

  it('rejects with the reason of the signal', async () => {
    server.answer = () => controller.abort(reason);
    const controller = new AbortController();
    const reason = new Error('enough');
    const client = await clientOf(certificateUser());
    await expect(client.raw('/version', controller.signal)).rejects.toBe(reason);
  });
});

describe('trust', () => {
  it('refuses a server of another authority', async () => {
    const other = await createAuthority('cluster');
    const client = await clientOf(certificateUser(), { ca: other.certificate });
    const error = await client.raw('/version', signal).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiUnavailableError);
    expect((error as Error).message).toContain("check the cluster's certificate authority and server name");
    expect(server.requests).toEqual([]);
  });

  it('refuses a server of another name', async () => {
    const client = await clientOf(certificateUser(), { url: `https://localhost:${server.port}` });
    await expect(client.raw('/version', signal)).rejects.toThrow(/localhost. is not in the cert's altnames/);
    expect(server.requests).toEqual([]);
  });

  it('takes the name that the kubeconfig gives', async () => {
    const client = await clientOf(certificateUser(), {
      url: `https://localhost:${server.port}`,
      extra: '      tls-server-name: api.example\n',
    });
    await client.raw('/version', signal);
    expect(server.requests).toHaveLength(1);
  });
});

describe('credentials that change', () => {
  it('reads the token again when it is refused, once', async () => {
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, 'old-secret\n');
    const client = await clientOf({ tokenFile });
    let good = 'Bearer old-secret';
    server.answer = ({ authorization }, response) => {
      if (authorization === good) sendJson(response, 200, {});
      else sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
    };
    await client.raw('/a', signal);
    await writeFile(tokenFile, 'new-secret\n');
    good = 'Bearer new-secret';
    await client.raw('/b', signal);
    good = 'Bearer other';
    await expect(client.raw('/c', signal)).rejects.toMatchObject({ code: 401 });
    expect(server.requests.map(({ path, authorization }) => [path, authorization])).toEqual([
      ['/a', 'Bearer old-secret'],
      ['/b', 'Bearer old-secret'],
      ['/b', 'Bearer new-secret'],
      ['/c', 'Bearer new-secret'],
    ]);
    expect(logged.join()).not.toContain('secret');
  });

  it('uses a renewed client certificate within a minute, or at once when told', async () => {
    const file = join(directory, 'kubelet-client-current.pem');
    const write = async ({ certificate, key }: Identity): Promise<void> => writeFile(file, `${certificate}\n${key}\n`);
    await write(node);
    const client = await clientOf({ certificateFile: file, keyFile: file });
    await client.raw('/a', signal);
    await write(await authority.issue('system:node:renewed'));
    await client.raw('/b', signal);
    await clock.advance(60_000);
    await client.raw('/c', signal);
    await write(await authority.issue('system:node:again'));
    await client.reload();
    await client.raw('/d', signal);
    expect(server.requests.map(({ path, client: name }) => [path, name])).toEqual([
      ['/a', 'system:node:n1'],
      ['/b', 'system:node:n1'],
      ['/c', 'system:node:renewed'],
      ['/d', 'system:node:again'],
    ]);
  });

  it('keeps the former certificate while the new one is half written', async () => {
    const file = join(directory, 'current.pem');
    await writeFile(file, `${node.certificate}\n${node.key}\n`);
    const client = await clientOf({ certificateFile: file, keyFile: file });
    await client.raw('/a', signal);
    const { certificate } = await authority.issue('system:node:other');
    await writeFile(file, `${certificate}\n${node.key}\n`);
    await client.reload();
    await client.raw('/b', signal);
    expect(server.requests.map(({ client: name }) => name)).toEqual(['system:node:n1', 'system:node:n1']);
    expect(logged).toEqual([expect.stringContaining('the former ones stay in use')]);
  });

  it('finds a new authority when the server has a certificate of one', async () => {
    const client = await clientOf(certificateUser());
    await client.raw('/a', signal);
    const next = await createAuthority('next');
    server.renew(await next.issue('kube-apiserver', { ips: ['127.0.0.1'] }));
    server.cut();
    await expect(client.raw('/b', signal)).rejects.toBeInstanceOf(ApiUnavailableError);
    await clientOf(certificateUser(), { ca: next.certificate });
    await client.raw('/c', signal);
    expect(server.requests.map(({ path }) => path)).toEqual(['/a', '/c']);
  });
});

describe('serves', () => {
  it('asks once, until the server was lost', async () => {
    server.answer = ({ path }, response) => {
      if (path === '/apis/discovery.k8s.io/v1beta1')
        sendJson(response, 200, { resources: [{ name: 'endpointslices' }] });
      else sendStatus(response, 404, 'NotFound', 'no such page');
    };
    const client = await clientOf(certificateUser(), { timeoutMs: 1_000 });
    const ask = async (): Promise<boolean[]> =>
      Promise.all([
        client.serves('discovery.k8s.io/v1', 'endpointslices', signal),
        client.serves('discovery.k8s.io/v1beta1', 'endpointslices', signal),
      ]);
    expect(await ask()).toEqual([false, true]);
    expect(await ask()).toEqual([false, true]);
    expect(server.requests).toHaveLength(2);
    const serve = server.answer;
    server.answer = () => server.cut();
    await expect(client.raw('/healthz', signal)).rejects.toBeInstanceOf(ApiUnavailableError);
    server.answer = serve;
    expect(await ask()).toEqual([false, true]);
    expect(server.requests).toHaveLength(5);
  });
});
