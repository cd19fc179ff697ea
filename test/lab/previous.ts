import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The commit that upgrades are tested from: the last release, and as long as there is none, a version that was in use. */
const previousCommit = process.env['PODWRIGHT_PREVIOUS'] ?? '640ecb58d0a5d35dfe7d316fb493739a56774e2f';

/** Why the earlier version cannot be made here; undefined when it can. */
export function whyNoPrevious(): string | undefined {
  try {
    git('cat-file', '-e', `${previousCommit}^{commit}`);
    return undefined;
  } catch {
    return `this clone lacks commit ${previousCommit}: git fetch --unshallow`;
  }
}

/** Makes a tree of the earlier version in a new directory and builds it, with the npm packages of this version. */
export function buildPrevious(directory: string): void {
  exportTree(previousCommit, directory);
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  execFileSync(process.execPath, ['test/build.mjs'], { cwd: directory, stdio: 'pipe' });
}

/** Makes a new directory with all files of a commit. */
export function exportTree(commit: string, directory: string): void {
  mkdirSync(directory);
  execFileSync('tar', ['--extract', '--directory', directory], { input: git('archive', commit) });
}

function git(...args: readonly string[]): Buffer {
  // The tests run as root in a repository of another user.
  const command = ['-c', `safe.directory=${root.replace(/\/$/, '')}`, ...args];
  return execFileSync('git', command, { cwd: root, maxBuffer: 2 ** 28, stdio: 'pipe' });
}
