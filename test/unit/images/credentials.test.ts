import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { matchCredentials, parseDockerConfig } from '../../../agent/images/credentials-plan.ts';
import { createCredentials, dockerConfigPaths } from '../../../agent/images/credentials.ts';

const basic = (username: string, password: string): string => Buffer.from(`${username}:${password}`).toString('base64');

describe('parseDockerConfig', () => {
  it('reads user names and passwords, and leaves other entries out', () => {
    const auths = {
      'a.test': { auth: basic('anna', 'pa:ss') },
      'b.test': { username: 'ben', password: 'secret' },
      'helper.test': {},
      'token.test': { identitytoken: 'x' },
      'bad.test': { auth: 'not base64 with a colon' },
      'worse.test': 7,
    };
    expect(parseDockerConfig(JSON.stringify({ auths, credsStore: 'desktop' }))).toEqual(
      new Map([
        ['a.test', { username: 'anna', password: 'pa:ss' }],
        ['b.test', { username: 'ben', password: 'secret' }],
      ]),
    );
  });

  it.each(['', '[]', 'null', '7', '{"auths":[]}', '{"auths":'])('%j is no config file', (text) => {
    expect(parseDockerConfig(text)).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseDockerConfig(text)));
  });
});

describe('matchCredentials', () => {
  const keys = [
    'https://index.docker.io/v1/',
    'registry.test',
    'registry.test/team',
    'https://registry.test/team/app',
    'registry.test:5000',
    '*.wild.test',
    'exact.wild.test',
    'reg*.glob.test',
  ];
  const auths = new Map(keys.map((key) => [key, { username: key, password: 'x' }]));

  it.each([
    ['busybox', 'https://index.docker.io/v1/'],
    ['team/app:1', 'https://index.docker.io/v1/'],
    ['registry.test/other', 'registry.test'],
    ['registry.test/team/x', 'registry.test/team'],
    ['registry.test/teams/x', 'registry.test'],
    ['registry.test/team/app:1', 'https://registry.test/team/app'],
    ['registry.test:5000/team/app', 'registry.test:5000'],
    ['registry.test:5001/team/app', undefined],
    ['any.wild.test/x', '*.wild.test'],
    ['exact.wild.test/x', 'exact.wild.test'],
    ['two.parts.wild.test/x', undefined],
    ['registry1.glob.test/x', 'reg*.glob.test'],
    ['other.test/x', undefined],
  ])('%s: %s', (image, key) => {
    expect(matchCredentials(auths, image)?.username).toBe(key);
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
    expect([await lookUp('a.test/x'), await lookUp('b.test/x')]).toEqual([
      { username: 'first', password: 'x' },
      undefined,
    ]);
  });

  it('sees a login that happens later', async () => {
    const lookUp = createCredentials([join(directory, 'config.json')]);
    expect(await lookUp('a.test/x')).toBeUndefined();
    write('config.json', config('a.test', 'late'));
    expect(await lookUp('a.test/x')).toEqual({ username: 'late', password: 'x' });
  });

  it('names a broken file, and shows nothing of it', async () => {
    const path = write('broken', '{"auths": {"a.test": {"auth": "c2VjcmV0OnNlY3JldA=="');
    await expect(createCredentials([path])('a.test/x')).rejects.toThrow(
      new Error(`${path} is not a Docker config file: expected JSON with an object "auths"`),
    );
  });

  it('names a file that cannot be read', async () => {
    await expect(createCredentials([directory])('a.test/x')).rejects.toThrow(
      new Error(`cannot read registry credentials from ${directory}`),
    );
  });
});

it("the paths are the kubelet's and docker's", () => {
  expect(dockerConfigPaths('/var/lib/kubelet')).toEqual(['/var/lib/kubelet/config.json', '/root/.docker/config.json']);
});
