import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Keyring,
  lookUpCredentials,
  parseDockerCfg,
  parseDockerConfig,
  toKeyring,
} from '../../../agent/images/credentials-plan.ts';
import { createCredentials, dockerConfigPaths } from '../../../agent/images/credentials.ts';
import { matchesImage } from '../../../agent/images/image-pattern.ts';
import { pullSecretsOf } from '../../../agent/images/pull-secrets.ts';
import type { ObjectReader, Pod, Secret } from '../../../agent/objects/types.ts';
import { never } from './fakes.ts';

const basic = (username: string, password: string): string => Buffer.from(`${username}:${password}`).toString('base64');

/** `host/path user:password` of each entry. */
const show = (keyring: Keyring | undefined): readonly string[] | undefined =>
  keyring?.map(({ pattern, auth: { username, password, ...tokens } }) => {
    const extra = Object.entries(tokens).map(([name, value]) => ` ${name}=${value}`);
    return `${pattern.host} ${username}:${password}${extra.join('')}`;
  });

const entries = {
  'a.test': { auth: basic('anna', 'pa:ss') },
  'b.test': { username: 'ben', password: 'secret' },
  'both.test': { username: 'ben', password: 'secret', auth: basic('anna', 'pass') },
  'helper.test': {},
  'token.test': { identitytoken: 'refresh' },
  'login.test': { auth: basic('user', ''), identitytoken: 'refresh' },
  'bearer.test': { registrytoken: 'bearer' },
  'bad.test': { auth: 'not base64 with a colon' },
  'no pattern': { auth: basic('anna', 'pass') },
  'worse.test': 7,
};
const shown = [
  'a.test anna:pa:ss',
  'b.test ben:secret',
  'both.test anna:pass',
  'token.test : identityToken=refresh',
  'login.test user: identityToken=refresh',
  'bearer.test : registryToken=bearer',
];

describe('files of credentials', () => {
  it('config.json: entries without credentials are left out', () => {
    expect(show(parseDockerConfig(JSON.stringify({ auths: entries, credsStore: 'desktop' })))).toEqual(shown);
  });

  it('.dockercfg', () => {
    expect(show(parseDockerCfg(JSON.stringify(entries)))).toEqual(shown);
  });

  it.each(['', '[]', 'null', '7', '{"auths":[]}', '{"auths":'])('%j is no config file', (text) => {
    expect(parseDockerConfig(text)).toBeUndefined();
  });

  it('never throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        parseDockerConfig(text);
        parseDockerCfg(text);
      }),
    );
  });
});

describe('lookUpCredentials', () => {
  const keys = [
    'https://index.docker.io/v1/',
    'registry.test',
    'registry.test/team',
    'https://registry.test/team/app',
    'https://v2.test/v2/team',
    'registry.test:5000',
    '*.wild.test',
    'exact.wild.test',
    'reg*.glob.test',
    'a*b*c.glob.test',
    '[2001:db8::1]:5000',
  ];
  const keyring = toKeyring(Object.fromEntries(keys.map((key) => [key, { username: key, password: 'x' }])));

  it.each([
    ['busybox', ['https://index.docker.io/v1/']],
    ['team/app:1', ['https://index.docker.io/v1/']],
    ['registry.test/other', ['registry.test']],
    ['registry.test/team/x', ['registry.test/team', 'registry.test']],
    ['registry.test/teams/x', ['registry.test/team', 'registry.test']],
    ['registry.test/team/app:1', ['https://registry.test/team/app', 'registry.test/team', 'registry.test']],
    [
      `registry.test/team/app@sha256:${'a'.repeat(64)}`,
      ['https://registry.test/team/app', 'registry.test/team', 'registry.test'],
    ],
    ['v2.test/team/x', ['https://v2.test/v2/team']],
    ['registry.test:5000/team/app', ['registry.test:5000']],
    ['registry.test:5001/team/app', []],
    ['any.wild.test/x', ['*.wild.test']],
    ['exact.wild.test/x', ['exact.wild.test', '*.wild.test']],
    ['two.parts.wild.test/x', []],
    ['registry1.glob.test/x', ['reg*.glob.test']],
    ['axbxc.glob.test/x', ['a*b*c.glob.test']],
    ['axc.glob.test/x', []],
    ['abc.glob.test/x', ['a*b*c.glob.test']],
    ['[2001:db8::1]:5000/x', ['[2001:db8::1]:5000']],
    ['other.test/x', []],
  ])('%s: %j', (image, expected) => {
    expect(lookUpCredentials(keyring, image).map(({ username }) => username)).toEqual(expected);
  });

  it('a glob fits what a regular expression says', () => {
    const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 6 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(glob, name, (pattern, host) => {
        const found = matchesImage({ host: pattern, port: '', path: '' }, { domain: host, path: 'x' });
        expect(found).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(host));
      }),
    );
  });
});

describe('pullSecretsOf', () => {
  const secret = (type: string, key: string, content: object): Secret => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'x', namespace: 'team', uid: '', labels: {}, annotations: {} },
    type,
    data: { [key]: Buffer.from(JSON.stringify(content)).toString('base64') },
  });
  const secrets = new Map([
    ['json', secret('kubernetes.io/dockerconfigjson', '.dockerconfigjson', { auths: { 'a.test': entries['a.test'] } })],
    ['cfg', secret('kubernetes.io/dockercfg', '.dockercfg', { 'b.test': entries['b.test'] })],
    ['other', secret('Opaque', '.dockerconfigjson', { auths: { 'a.test': entries['a.test'] } })],
  ]);
  const objects = {
    object: (_: string, namespace: string, name: string) => (namespace === 'team' ? secrets.get(name) : undefined),
    objects: () => [],
  } as unknown as ObjectReader;

  it.each([
    ['team', ['json', 'cfg'], ['a.test anna:pa:ss', 'b.test ben:secret'], []],
    ['team', ['gone', 'other', '', 'json'], ['a.test anna:pa:ss'], ['gone']],
    ['default', ['json'], [], ['json']],
    ['team', [], [], []],
  ])('in %s, %j: %j, missing %j', (namespace, names, expected, missing) => {
    const imagePullSecrets = names.map((name) => ({ name }));
    const pod = { metadata: { namespace, name: 'p' }, spec: { imagePullSecrets } } as unknown as Pod;
    const found = pullSecretsOf(pod, objects);
    expect([show(found.keyring), found.missing]).toEqual([expected, missing]);
  });
});

describe('createCredentials', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'credentials-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const config = (key: string, user: string): string =>
    JSON.stringify({ auths: { [key]: { auth: basic(user, 'x') } } });

  it('takes the first file that has some, and skips files that are not there', async () => {
    const first = write('first', config('a.test', 'first'));
    const second = write('second', config('a.test', 'second'));
    const lookUp = createCredentials([join(directory, 'none'), first, second]);
    expect([await lookUp('a.test/x', never), await lookUp('b.test/x', never)]).toEqual([
      [{ username: 'first', password: 'x' }],
      [],
    ]);
  });

  it('sees a login that happens later', async () => {
    const lookUp = createCredentials([join(directory, 'config.json')]);
    expect(await lookUp('a.test/x', never)).toEqual([]);
    write('config.json', config('a.test', 'late'));
    expect(await lookUp('a.test/x', never)).toEqual([{ username: 'late', password: 'x' }]);
  });

  it('names a broken file, and shows nothing of it', async () => {
    const path = write('broken', '{"auths": {"a.test": {"auth": "c2VjcmV0OnNlY3JldA=="');
    await expect(createCredentials([path])('a.test/x', never)).rejects.toThrow(
      new Error(`${path} is not a Docker config file: expected JSON with an object "auths"`),
    );
  });

  it('names a file that cannot be read', async () => {
    await expect(createCredentials([directory])('a.test/x', never)).rejects.toThrow(
      new Error(`cannot read registry credentials from ${directory}`),
    );
  });
});

it("the paths are the kubelet's and docker's", () => {
  expect(dockerConfigPaths('/var/lib/kubelet')).toEqual(['/var/lib/kubelet/config.json', '/root/.docker/config.json']);
});
