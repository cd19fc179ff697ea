import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '../lab/index.ts';
import { exportTree } from '../lab/previous.ts';
import type { Row } from './report.ts';

const limitMs = 180_000;

/**
 * What the README tells whoever has a new machine: `npm run up` in a fresh clone, until the example pod has answered. The npm
 * packages are fetched before, by the command that it would run, since a test host reaches no registry.
 */
export async function up(_stage: unknown, say: (text: string) => void): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'pw-up-'));
  const host = await createHost({ images: [] });
  try {
    const clone = join(directory, 'podwright');
    exportTree('HEAD', clone);
    const fetched = await elapsed(() => {
      execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: clone, stdio: 'pipe' });
    });
    say(`up: npm ci took ${seconds(fetched)}`);
    const env = {
      DOCKER_HOST: `unix://${host.dockerSocket}`,
      PODWRIGHT_UP_DIR: join(host.dir, 'up'),
      PODWRIGHT_UP_POD_CIDR: host.podCidr,
      PODWRIGHT_UP_ONCE: '1',
    };
    const run = ['-C', clone, 'npm', 'run', '--silent', 'up'];
    const brought = await elapsed(async () => {
      const { exitCode, stdout, stderr } = await host.exec('env', run, { env, timeoutMs: limitMs });
      if (exitCode !== 0) throw new Error(`npm run up exited with ${exitCode}:\n${stdout}\n${stderr}`);
    });
    say(`up: npm run up took ${seconds(brought)}`);
    return [row(fetched, brought)];
  } finally {
    host.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

function row(fetched: number, brought: number): Row {
  return {
    what: 'fresh clone to a pod that answers, `npm run up`',
    podwright: seconds(brought),
    floor: `\`npm ci\`: ${seconds(fetched)}`,
    ratio: '',
    limit: 'under 180 s beside downloads',
    met: brought < limitMs,
  };
}

async function elapsed(act: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
