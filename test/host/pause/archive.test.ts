import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtInPauseImage, pauseImageArchive } from '../../../agent/images/pause/archive.ts';

describe.each(['amd64', 'arm64'] as const)('pause image archive for %s', (architecture) => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pause-image-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is read by tar, and its parts fit each other', async () => {
    const archive = await pauseImageArchive(architecture);
    const listing = execFileSync('tar', ['-xvf', '-', '-C', directory], { input: archive, encoding: 'utf8' });
    const read = (name: string): Buffer => readFileSync(join(directory, name));
    const config = listing.split('\n')[0] ?? '';

    expect(listing).toBe(`${config}\nlayer.tar\nmanifest.json\n`);
    expect(config).toBe(`${sha256(read(config))}.json`);
    expect(JSON.parse(read('manifest.json').toString())).toEqual([
      { Config: config, RepoTags: [builtInPauseImage], Layers: ['layer.tar'] },
    ]);
    expect(JSON.parse(read(config).toString())).toEqual({
      architecture,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: { User: '65535:65535', Entrypoint: ['/pause'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(read('layer.tar'))}`] },
    });
    expect(
      execFileSync('tar', ['-tvf', join(directory, 'layer.tar'), '--utc', '--numeric-owner'], { encoding: 'utf8' }),
    ).toMatch(/^-rwxr-xr-x 0\/0 +\d+ 1970-01-01 00:00 pause\n$/);
  });

  it('is the same bytes each time, but for the name', async () => {
    const archive = await pauseImageArchive(architecture);
    expect(Buffer.compare(await pauseImageArchive(architecture), archive)).toBe(0);
    expect(Buffer.compare(await pauseImageArchive(architecture, 'other:1'), archive)).not.toBe(0);
  });
});

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
