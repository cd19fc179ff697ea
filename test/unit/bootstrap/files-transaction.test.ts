import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeNodeFiles } from '../../../agent/bootstrap/node-files.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podwright-join-'));
});
afterEach(async () => rm(directory, { recursive: true }));

const signal = new AbortController().signal;
const at = (...parts: readonly string[]): string => join(directory, ...parts);

test('writes files with their modes, and links', async () => {
  const files = [
    { path: at('pki', 'key.pem'), content: 'secret', mode: 0o600 },
    { path: at('pki', 'current'), target: at('pki', 'key.pem') },
  ];
  await writeNodeFiles(files, signal);
  await writeNodeFiles(files, signal);
  expect((await lstat(at('pki', 'key.pem'))).mode & 0o777).toBe(0o600);
  expect(await readFile(at('pki', 'current'), 'utf8')).toBe('secret');
  expect((await readdir(at('pki'))).sort()).toEqual(['current', 'key.pem']);
});

test('a failure half-way leaves what was there before, and nothing else', async () => {
  await mkdir(at('kubernetes'));
  await writeFile(at('kubernetes', 'ca.crt'), 'old', { mode: 0o640 });
  await symlink('elsewhere', at('kubernetes', 'current'));
  await writeFile(at('file'), '');
  const files = [
    { path: at('kubernetes', 'ca.crt'), content: 'new', mode: 0o644 },
    { path: at('kubernetes', 'current'), target: 'here' },
    { path: at('kubelet', 'pki', 'key.pem'), content: 'secret', mode: 0o600 },
    { path: at('file', 'below'), content: '', mode: 0o644 },
  ];
  await expect(writeNodeFiles(files, signal)).rejects.toThrow(/ENOTDIR|EEXIST/);
  expect((await readdir(directory)).sort()).toEqual(['file', 'kubernetes']);
  expect((await readdir(at('kubernetes'))).sort()).toEqual(['ca.crt', 'current']);
  expect(await readFile(at('kubernetes', 'ca.crt'), 'utf8')).toBe('old');
  expect((await lstat(at('kubernetes', 'ca.crt'))).mode & 0o777).toBe(0o640);
  expect(await readlink(at('kubernetes', 'current'))).toBe('elsewhere');
});
