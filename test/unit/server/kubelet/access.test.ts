import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, type Call, deps, fakeApi, type FakeApi, newDirectory, type Running, start, write } from './fixtures.ts';
import { createAuthority, type Credentials } from './pki.ts';

const directory = newDirectory();
let api: FakeApi;
let server: Running;
const clients: Record<string, Call> = {};

const all = ['proxy', 'stats', 'metrics', 'log', 'checkpoint'];
const rights = ['get', 'create'].flatMap((verb) => all.map((subresource) => `admin ${verb} ${subresource}`));

beforeAll(async () => {
  const ours = await createAuthority('ours');
  const theirs = await createAuthority('theirs');
  const admin = 'CN=admin,O=system:masters,O=ops';
  const issue = async (from: typeof ours, change = {}): Promise<Call> => {
    const credentials: Credentials = await from.issue(admin, change);
    return { credentials };
  };
  clients['no credentials'] = {};
  clients['wrong CA'] = await issue(theirs);
  clients['expired certificate'] = await issue(ours, { notAfter: new Date(Date.now() - 1_000) });
  clients['certificate for servers'] = await issue(ours, { usage: '1.3.6.1.5.5.7.3.1' });
  clients['token refused'] = { token: 'nobody' };
  clients['weak token'] = { token: 'weak' };
  clients['right token'] = { token: 'admin' };
  clients['right certificate'] = await issue(ours);
  clients['right token beside a wrong certificate'] = { ...clients['wrong CA'], token: 'admin' };
  api = fakeApi({ weak: 'weak', admin: 'admin' }, rights);
  const clientCAFile = write(directory, 'ca.crt', ours.cert);
  server = await start(deps({ authentication: { x509: { clientCAFile } } }, { api: api.client, rootDir: directory }));
});

afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

/** What each path answers to who has all rights, and the subresources that are asked for. */
const endpoints: readonly (readonly [method: string, path: string, code: number, subresources: string])[] = [
  ['GET', '/pods', 200, 'pods proxy'],
  ['GET', '/runningpods/', 500, 'pods proxy'],
  ['GET', '/healthz', 200, 'healthz proxy'],
  ['GET', '/healthz/ping', 200, 'healthz proxy'],
  ['GET', '/healthz/log', 200, 'healthz proxy'],
  ['GET', '/healthz/syncloop', 200, 'healthz proxy'],
  ['GET', '/configz', 200, 'configz proxy'],
  ['GET', '/stats/summary', 200, 'stats'],
  ['GET', '/metrics', 200, 'metrics'],
  ['GET', '/metrics/cadvisor', 200, 'metrics'],
  ['GET', '/metrics/resource', 200, 'metrics'],
  ['GET', '/metrics/probes', 200, 'metrics'],
  ['GET', '/logs/no/such/file', 404, 'log'],
  ['GET', '/containerLogs/default/web-node-1/none', 404, 'proxy'],
  ['GET', '/exec/default/web-node-1/web?command=id&output=1', 400, 'proxy'],
  ['POST', '/exec/default/web-node-1/uid-other/web?command=id&output=1', 404, 'proxy'],
  ['POST', '/attach/default/web-node-1/web?output=1', 400, 'proxy'],
  ['POST', '/run/default/web-node-1/web?cmd=id', 500, 'proxy'],
  ['POST', '/portForward/default/web-node-1', 400, 'proxy'],
  ['POST', '/checkpoint/default/web-node-1/web', 501, 'checkpoint'],
  ['GET', '/no/such/path', 404, 'proxy'],
  ['GET', '/stats/../exec/default/web-node-1/web', 404, 'stats'],
  ['DELETE', '/pods', 403, 'pods proxy'],
];

const verbs: Readonly<Record<string, string>> = { GET: 'get', POST: 'create', DELETE: 'delete' };

describe.each(endpoints)('%s %s', (method, path, code, subresources) => {
  test.each(['no credentials', 'wrong CA', 'expired certificate', 'certificate for servers', 'token refused'])(
    '%s: 401',
    async (client) => {
      expect(await call(server.port(), path, { method, ...clients[client] })).toMatchObject({
        code: 401,
        text: 'Unauthorized',
      });
    },
  );

  test('a token with too weak rights: 403', async () => {
    const what = `user=weak, verb=${verbs[method] ?? ''}, resource=nodes, subresource(s)=[${subresources}]`;
    expect(await call(server.port(), path, { method, ...clients['weak token'] })).toMatchObject({
      code: 403,
      text: `Forbidden (${what})\n`,
    });
  });

  test('a certificate with all rights is let in', async () => {
    expect((await call(server.port(), path, { method, ...clients['right certificate'] })).code).toBe(code);
  });
});

test.each(['right token', 'right token beside a wrong certificate'])('a %s is let in', async (client) => {
  expect((await call(server.port(), '/stats/summary', clients[client])).code).toBe(200);
});

test('reviews are asked once, with all that is known of the user', () => {
  const asked = api.reviews.filter(({ spec }) => spec.user === 'admin' && spec.resourceAttributes?.['verb'] === 'get');
  expect(
    asked.filter(({ spec }) => spec.resourceAttributes?.['subresource'] === 'stats').map(({ spec }) => spec),
  ).toEqual([
    {
      user: 'admin',
      groups: ['system:masters', 'ops', 'system:authenticated'],
      resourceAttributes: { verb: 'get', version: 'v1', resource: 'nodes', subresource: 'stats', name: 'node-1' },
    },
    {
      user: 'admin',
      groups: ['g', 'system:authenticated'],
      resourceAttributes: { verb: 'get', version: 'v1', resource: 'nodes', subresource: 'stats', name: 'node-1' },
    },
  ]);
  expect(api.reviews.filter(({ spec }) => spec.token === 'nobody').length).toBe(1);
});

test('an API server that does not answer lets nobody in', async () => {
  api.down = true;
  expect(await call(server.port(), '/pods', { token: 'new' })).toMatchObject({ code: 401 });
  expect(await call(server.port(), '/pods', { ...clients['right certificate'], method: 'PUT' })).toMatchObject({
    code: 500,
    text: 'Authorization error (user=admin, verb=update, resource=nodes, subresource=pods)',
  });
  api.down = false;
  expect(await call(server.port(), '/pods', { ...clients['right certificate'], method: 'PUT' })).toMatchObject({
    code: 403,
  });
});
