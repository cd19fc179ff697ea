import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { emptyDirPath } from '../../../agent/volumes/paths.ts';
import { emptyDirUsage } from '../../../agent/volumes/usage.ts';

const never = new AbortController().signal;
let root: string;
let volume: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'usage-'));
  volume = emptyDirPath(root, 'data');
  mkdirSync(volume, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

it('counts as du does, and follows no link', async () => {
  mkdirSync(join(volume, 'a/b'), { recursive: true });
  writeFileSync(join(volume, 'a/file'), Buffer.alloc(100_000));
  linkSync(join(volume, 'a/file'), join(volume, 'a/b/again'));
  writeFileSync(join(root, 'outside'), Buffer.alloc(1_000_000));
  symlinkSync(join(root, 'outside'), join(volume, 'link'));
  symlinkSync('/', join(volume, 'slash'));
  execFileSync('truncate', ['-s', '1G', join(volume, 'sparse')]);
  execFileSync('mkfifo', [join(volume, 'fifo')]);
  const du = (...args: readonly string[]): number =>
    Number.parseInt(execFileSync('du', ['-s', ...args, volume], { encoding: 'utf8' }), 10);
  expect(await emptyDirUsage(root, 'data', never)).toEqual({
    bytes: du('--block-size=1'),
    inodes: du('--inodes'),
  });
});

it('a volume that is not there takes nothing', async () => {
  expect(await emptyDirUsage(root, 'none', never)).toEqual({ bytes: 0, inodes: 0 });
});

it('stops when it is aborted', async () => {
  writeFileSync(join(volume, 'file'), '');
  await expect(emptyDirUsage(root, 'data', AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
});
