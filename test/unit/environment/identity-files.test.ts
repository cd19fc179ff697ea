import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identityMounts, writeIdentityFiles } from '../../../agent/environment/index.ts';
import type { Container } from '../../../agent/objects/types.ts';
import { container } from './helpers.ts';

describe('writing the files', () => {
  let root: string;
  let podDir: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'identity-'));
    podDir = join(root, 'pods', 'u-1');
  });
  afterEach(() => rm(root, { recursive: true }));

  const read = (name: string): Promise<string> => readFile(join(podDir, name), 'utf8');
  const facts = async (name: string): Promise<object> => {
    const { ino, mode, mtimeNs } = await stat(join(podDir, name), { bigint: true });
    return { ino, mode: Number(mode) & 0o777, mtimeNs };
  };

  test('both are there, readable by all, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      await writeIdentityFiles(podDir, { hosts: 'h\n', resolvConf: 'r\n' });
    } finally {
      process.umask(before);
    }
    expect([await read('etc-hosts'), await read('resolv.conf')]).toEqual(['h\n', 'r\n']);
    expect(await facts('etc-hosts')).toMatchObject({ mode: 0o644 });
    expect(await facts('resolv.conf')).toMatchObject({ mode: 0o644 });
  });

  test.each(['longer than it was\n', 's\n', '', 'hello\n'])(
    'a file that is open shows the new text %j',
    async (hosts) => {
      await writeIdentityFiles(podDir, { hosts: 'hosts\n', resolvConf: '' });
      const reader = await open(join(podDir, 'etc-hosts'));
      try {
        await writeIdentityFiles(podDir, { hosts, resolvConf: '' });
        expect(await reader.readFile('utf8')).toBe(hosts);
      } finally {
        await reader.close();
      }
    },
  );

  test('twice is once', async () => {
    const files = { hosts: 'h\n', resolvConf: 'nameserver 192.0.2.1\n' };
    await writeIdentityFiles(podDir, files);
    const before = [await facts('etc-hosts'), await facts('resolv.conf')];
    await writeIdentityFiles(podDir, files);
    expect([await facts('etc-hosts'), await facts('resolv.conf')]).toEqual(before);
  });

  test('what a container wrote is replaced', async () => {
    await writeIdentityFiles(podDir, { hosts: 'h\n', resolvConf: '' });
    await writeFile(join(podDir, 'etc-hosts'), 'x'.repeat(100_000));
    await writeIdentityFiles(podDir, { hosts: 'h\n', resolvConf: '' });
    expect(await read('etc-hosts')).toBe('h\n');
  });

  test('a failure names the file', async () => {
    await writeIdentityFiles(podDir, { hosts: '', resolvConf: '' });
    await rm(join(podDir, 'resolv.conf'));
    await writeIdentityFiles(join(podDir, 'resolv.conf'), { hosts: '', resolvConf: '' });
    await expect(writeIdentityFiles(podDir, { hosts: '', resolvConf: '' })).rejects.toThrow(
      `cannot write ${podDir}/resolv.conf`,
    );
  });
});

describe('mounts', () => {
  const hosts = { hostPath: '/p/u-1/etc-hosts', containerPath: '/etc/hosts', readOnly: false, propagation: 'private' };
  const resolvConf = { ...hosts, hostPath: '/p/u-1/resolv.conf', containerPath: '/etc/resolv.conf' };
  const at = (...paths: string[]): Partial<Container> => ({
    volumeMounts: paths.map((mountPath) => ({ name: 'v', mountPath })),
  });
  test.each<[string, Partial<Container>, object[]]>([
    ['both', {}, [hosts, resolvConf]],
    ['beside others', at('/etc', '/etc/hosts.d'), [hosts, resolvConf]],
    ['not over its own /etc/hosts', at('/etc/hosts'), [resolvConf]],
    ['not over its own /etc/resolv.conf', at('/data', 'etc//resolv.conf/'), [hosts]],
    ['over neither', at('/etc/hosts/', '/etc/resolv.conf'), []],
    [
      'read-only with the root file system',
      { securityContext: { readOnlyRootFilesystem: true } },
      [
        { ...hosts, readOnly: true },
        { ...resolvConf, readOnly: true },
      ],
    ],
  ])('%s', (_, fields, expected) => expect(identityMounts(container(fields), '/p/u-1')).toEqual(expected));
});
