import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let directory: string;
let tree: string;
let file: string;

const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', cwd: root });

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwright-deb-'));
  tree = join(directory, 'tree');
  file = run(process.execPath, '--import', 'tsx', 'test/package/main.ts', directory).trim();
  run('dpkg-deb', '--extract', file, tree);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('the Debian package says what it is and what it needs', () => {
  const [name, architecture, depends] = ['Package', 'Architecture', 'Depends'].map((field) =>
    run('dpkg-deb', '--field', file, field).trim(),
  );
  expect([name, architecture]).toEqual(['podwright', 'all']);
  expect(depends).toContain('nodejs (>= 20.19)');
});

test('its program runs from where the package puts it', () => {
  expect(lstatSync(join(tree, 'usr/bin/podwright')).isSymbolicLink()).toBe(true);
  expect(run(process.execPath, join(tree, 'usr/bin/podwright'), 'version')).toMatch(/^podwright \d/);
  expect(statSync(join(tree, 'usr/lib/podwright/podwright.js')).mode & 0o111).toBe(0o111);
});

test('it brings a service, completion and a manual page', () => {
  const unit = run('cat', join(tree, 'lib/systemd/system/podwright.service'));
  expect(unit).toMatch(/^ExecStart=\/usr\/bin\/node \/usr\/lib\/podwright\/podwright.js run /m);
  run('bash', '-n', join(tree, 'usr/share/bash-completion/completions/podwright'));
  const manual = run('zcat', join(tree, 'usr/share/man/man8/podwright.8.gz'));
  expect(manual).toMatch(/^\.SS podwright token create/m);
  expect(manual).toContain('.B \\-\\-print\\-join\\-command');
});
