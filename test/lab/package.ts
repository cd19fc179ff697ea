import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const root = fileURLToPath(new URL('../..', import.meta.url));

const packed = z.tuple([z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })]);

/** The CLI of the package that {@link installPackage} installed. */
export function installedProgram(prefix: string): string {
  return join(prefix, 'lib/node_modules/podwright/dist/podwright.js');
}

/**
 * Packs podwright, which must be built, and installs the tarball as `npm install -g` does, below `prefix`. No registry is asked:
 * the package needs no other.
 *
 * @param source its repository; default this one
 * @returns paths in the tarball
 */
export function installPackage(prefix: string, source = root): readonly string[] {
  const directory = mkdtempSync(join(tmpdir(), 'pw-package-'));
  const npm = (...args: readonly string[]): string =>
    execFileSync('npm', [...args, '--cache', join(directory, 'cache')], {
      ...{ cwd: source, encoding: 'utf8', stdio: 'pipe' },
    });
  try {
    const [{ filename, files }] = packed.parse(
      JSON.parse(npm('pack', '--json', '--ignore-scripts', '--pack-destination', directory)),
    );
    npm('install', '--global', '--offline', '--no-audit', '--no-fund', '--prefix', prefix, join(directory, filename));
    return files.map(({ path }) => path);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
