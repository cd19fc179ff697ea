import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { installPackage } from '../lab/package.ts';

const prefix = mkdtempSync(join(tmpdir(), 'pw-prefix-'));
afterAll(() => rmSync(prefix, { recursive: true, force: true }));

const expected = [
  /^(package\.json|README\.md|CHANGELOG\.md)$/,
  /^dist\/(podwright\.js|[\w-]+-[A-Z0-9]{8}\.js|pause-(amd64|arm64))$/,
  /^manifests\/.+\.(ya?ml|md)$/,
];

test('the tarball holds what it should, and installed it is podwright, without other packages', () => {
  const files = installPackage(prefix);
  expect(files.filter((path) => !expected.some((form) => form.test(path)))).toEqual([]);
  for (const path of ['dist/podwright.js', 'dist/pause-amd64', 'dist/pause-arm64', 'README.md']) {
    expect(files).toContain(path);
  }
  const podwright = (...args: readonly string[]): string =>
    execFileSync(join(prefix, 'bin', 'podwright'), args, { encoding: 'utf8', cwd: '/' });
  expect(podwright('version')).toMatch(/^podwright \d+\.\d+\.\d+\n$/);
  // Loads each command.
  expect(podwright('--help')).toMatch(/^ +install /m);
});
