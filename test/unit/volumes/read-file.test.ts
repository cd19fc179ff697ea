import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPodVolumes } from '../../../agent/volumes/pod-volumes.ts';
import { readVolumeFile } from '../../../agent/volumes/read-file.ts';
import { pod, volumeDeps } from './pods.ts';

let root: string;
let volume: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'read-file-')));
  volume = join(root, 'volume');
  mkdirSync(join(volume, 'a'), { recursive: true });
  writeFileSync(join(volume, 'a/file'), 'text');
  writeFileSync(join(root, 'precious'), 'outside');
});
afterEach(() => rmSync(root, { recursive: true }));

async function read(path: string): Promise<string> {
  return Buffer.from((await readVolumeFile(volume, path)).bytes).toString();
}

describe('a file of a volume', () => {
  it('is read, also over links that stay in the volume', async () => {
    symlinkSync('a', join(volume, 'b'));
    symlinkSync('b/file', join(volume, 'link'));
    expect(await Promise.all(['a/file', './a//file', 'b/file', 'link'].map(read))).toEqual(Array(4).fill('text'));
    expect((await readVolumeFile(volume, 'a/file')).path).toBe(join(volume, 'a/file'));
  });

  it.each([
    ['/precious', 'link'],
    ['../precious', 'link'],
    ['..', 'link/precious'],
    ['/', 'link/etc/passwd'],
    ['/proc/self/root/etc/passwd', 'link'],
  ])('is none outside of it: a link to %s', async (to, path) => {
    symlinkSync(to === '/precious' ? join(root, to) : to, join(volume, 'link'));
    await expect(read(path)).rejects.toThrow('it cannot be opened within the volume');
  });

  it('is none outside of it: a path with backsteps', async () => {
    await expect(read('../precious')).rejects.toThrow('it cannot be opened within the volume');
  });

  it('is not there, and nothing is made for it', async () => {
    for (const path of ['none', 'none/file']) await expect(read(path)).rejects.toThrow('no such file');
    await expect(read('none')).rejects.toThrow('no such file');
    await expect(read('a/file/below')).rejects.toThrow('it cannot be opened within the volume');
  });

  it('is neither a directory nor a pipe, which would be waited for', async () => {
    execFileSync('mkfifo', [join(volume, 'pipe')]);
    for (const path of ['a', 'pipe']) await expect(read(path)).rejects.toThrow('it is not a regular file');
  });

  it('is at most 1 MiB', async () => {
    truncateSync(join(volume, 'a/file'), 1024 ** 2);
    expect((await read('a/file')).length).toBe(1024 ** 2);
    truncateSync(join(volume, 'a/file'), 1024 ** 2 + 1);
    await expect(read('a/file')).rejects.toThrow('it is larger than 1 MiB');
  });

  it('is found by the name of the volume in the pod', async () => {
    const exec = (): Promise<never> => Promise.reject(new Error('unexpected program'));
    const volumes = createPodVolumes({ ...volumeDeps(), rootDir: root, exec });
    const prepared = await volumes.prepare(
      pod([{ name: 'host', hostPath: { path: volume } }]),
      new AbortController().signal,
    );
    expect(Buffer.from((await prepared.readFile('host', 'a/file')).bytes).toString()).toBe('text');
    await expect(prepared.readFile('other', 'a/file')).rejects.toThrow('the pod has no such volume');
  });
});
