import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireLock, LockedError } from '../../../agent/lock.ts';

const holder = fileURLToPath(new URL('hold-lock.ts', import.meta.url));
let directory: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podwright-lock-'));
});

afterEach(async () => {
  child?.kill('SIGKILL');
  child = undefined;
  await rm(directory, { recursive: true });
});

async function holdElsewhere(rootDir: string): Promise<ChildProcess> {
  child = spawn(process.execPath, ['--import', 'tsx', holder, rootDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('no output');
  await once(child.stdout, 'data');
  return child;
}

describe('acquireLock', () => {
  it('makes the directory, and can be taken again once it is released', async () => {
    const rootDir = join(directory, 'a', 'b');
    for (let round = 0; round < 2; round += 1) await (await acquireLock(rootDir)).release();
  });

  it('is held against a second taker of the same process', async () => {
    const lock = await acquireLock(directory);
    await expect(acquireLock(directory)).rejects.toThrow(LockedError);
    await lock.release();
  });

  it('lets one of many win', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, async () => acquireLock(directory)));
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(won.length).toBe(1);
    await won[0]?.release();
  });

  it('names the process that holds it, and is free when that is killed', async () => {
    const other = await holdElsewhere(directory);
    await expect(acquireLock(directory)).rejects.toThrow(
      `podwright runs already on ${directory} (process ${other.pid}, see ${directory}/podwright.lock)`,
    );
    other.kill('SIGKILL');
    await once(other, 'exit');
    await (await acquireLock(directory)).release();
  }, 20_000);
});
