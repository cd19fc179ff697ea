import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ExecRequest } from '../../../cni/index.ts';
import { parseExecAnswer } from '../../../agent/api/exec-answer.ts';
import type { ExecPlugin } from '../../../agent/api/exec-config.ts';
import { createCredentialReader, type ExecCluster, type ReadCredential } from '../../../agent/api/exec-plugin.ts';
import { loadKubeconfig } from '../../../agent/api/index.ts';
import { createAuthority } from './certificates.ts';

const apiVersion = 'client.authentication.k8s.io/v1';
const plugin: ExecPlugin = {
  ...{ apiVersion, command: 'get-token', args: ['-x'], env: { REGION: 'lab' }, installHint: undefined },
  ...{ provideClusterInfo: true, place: 'kubelet.conf:6: users[0].user.exec' },
};
const cluster: ExecCluster = {
  ...{ server: 'https://192.0.2.1:6443', tlsServerName: undefined, insecure: false, ca: 'ca' },
};
const answer = (status: object, rest: object = {}): string =>
  JSON.stringify({ apiVersion, kind: 'ExecCredential', ...rest, status });

describe('the answer of a plugin', () => {
  it('is a token, a certificate with its key, and their end', () => {
    const status = { token: 't', clientCertificateData: 'c', clientKeyData: 'k' };
    expect(parseExecAnswer(plugin, answer({ ...status, expirationTimestamp: '2026-01-01T00:00:00Z' }))).toEqual({
      ...{ token: 't', certificate: 'c', key: 'k' },
      expiresAt: Date.UTC(2026, 0, 1),
    });
    expect(parseExecAnswer(plugin, answer({ token: 't' })).expiresAt).toBeUndefined();
  });

  it.each([
    ['no JSON', 'secret', 'no ExecCredential with a status, as JSON'],
    ['no status', JSON.stringify({ apiVersion, kind: 'ExecCredential' }), 'no ExecCredential with a status, as JSON'],
    [
      'another version',
      answer({ token: 'secret' }, { apiVersion: 'client.authentication.k8s.io/v1beta1' }),
      `an ExecCredential of "client.authentication.k8s.io/v1beta1" where ${apiVersion} was asked for`,
    ],
    ['nothing', answer({}), 'neither a token nor a certificate'],
    ['half of it', answer({ clientKeyData: 'secret' }), 'a certificate without a key, or a key without a certificate'],
    [
      'no time',
      answer({ token: 'secret', expirationTimestamp: 'soon' }),
      'an expirationTimestamp that is no time: "soon"',
    ],
  ])('is refused when it is %s', (_, printed, what) => {
    expect(() => parseExecAnswer(plugin, printed)).toThrow(
      new Error(`${plugin.place}: the plugin has printed ${what}`),
    );
  });
});

describe('credentials of a plugin', () => {
  let now: number;
  let runs: ExecRequest[];
  let read: ReadCredential;
  beforeEach(() => {
    now = Date.UTC(2026, 0, 1);
    runs = [];
    const print = (request: ExecRequest) => {
      runs.push(request);
      const expirationTimestamp = new Date(now + 600_000).toISOString();
      return Promise.resolve({ stdout: answer({ token: `t${runs.length}`, expirationTimestamp }), stderr: '' });
    };
    read = createCredentialReader(print, () => now);
  });
  const token = async (refused = false): Promise<string | undefined> => (await read(plugin, cluster, refused)).token;

  it('are kept until shortly before their end', async () => {
    expect(await token()).toBe('t1');
    now += 500_000;
    expect(await token()).toBe('t1');
    now += 50_000;
    expect(await token()).toBe('t2');
  });

  it('are asked for anew when they are refused, but not at each refusal', async () => {
    expect(await token()).toBe('t1');
    now += 20_000;
    expect(await token(true)).toBe('t2');
    expect(await token(true)).toBe('t2');
    now += 10_000;
    expect(await token(true)).toBe('t3');
  });

  it('are asked for as client-go does', async () => {
    await token();
    const { file, args, env } = runs[0] ?? { file: '', args: [] };
    expect([file, args, env?.['REGION']]).toEqual(['get-token', ['-x'], 'lab']);
    expect(JSON.parse(env?.['KUBERNETES_EXEC_INFO'] ?? '')).toEqual({
      ...{ kind: 'ExecCredential', apiVersion },
      spec: { interactive: false, cluster: { server: cluster.server, 'certificate-authority-data': 'Y2E=' } },
    });
  });
});

describe('a kubeconfig with a plugin', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'podwright-exec-'));
  });
  afterAll(async () => rm(directory, { recursive: true }));

  const load = async (script: string, command = './plugin'): Promise<unknown> => {
    const [path, program] = [join(directory, 'kubelet.conf'), join(directory, 'plugin')];
    await writeFile(program, `#!/bin/sh\n${script}\n`);
    await chmod(program, 0o755);
    const user = { apiVersion, command, installHint: 'apt install it', interactiveMode: 'Never' };
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
      clusters: [{ name: 'k', cluster: { server: cluster.server } }],
      users: [{ name: 'u', user: { exec: user } }],
    };
    await writeFile(path, JSON.stringify(config));
    return loadKubeconfig(path);
  };

  it('connects with what it gives', async () => {
    const node = await (await createAuthority('cluster')).issue('system:node:n1');
    const status = { clientCertificateData: node.certificate, clientKeyData: node.key, token: 't' };
    await writeFile(join(directory, 'answer'), answer(status));
    expect(await load('cat "$(dirname "$0")/answer"')).toMatchObject({
      ...{ server: cluster.server, token: 't', certificate: node.certificate, key: node.key },
    });
  });

  it.each([
    [
      'fails',
      'echo secret; echo "log in first" >&2; exit 3',
      './plugin',
      /plugin failed with exit code 3: log in first$/,
    ],
    ['is not there', '', './missing', /missing does not exist on this host: apt install it$/],
    ['prints nothing', 'true', './plugin', /the plugin has printed no ExecCredential with a status, as JSON$/],
  ])('says that it %s', async (_, script, command, message) => {
    await expect(load(script, command)).rejects.toThrow(message);
  });
});
