import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { builtInPauseImage, pauseImageArchive } from '../../agent/images/pause/archive.ts';
import { createHost, loadImageArchive, until, type TestHost } from '../lab/index.ts';
import { watchAppearance, type Appearance } from './appearance.ts';

/** What every measurement works on. */
export interface Stage {
  readonly host: TestHost;
  /** The apps' hostPath volume. */
  readonly outDirectory: string;
  readonly appearance: Appearance;
  /** A name that no measurement has had. */
  nextName(): string;
  close(): void;
}

export const appImage = 'podwright-test/busybox:1';
export const pauseImage = builtInPauseImage;

export async function createStage(): Promise<Stage> {
  const host = await createHost();
  await loadImageArchive(host.docker, await pauseImageArchive(process.arch === 'arm64' ? 'arm64' : 'amd64'));
  const outDirectory = join(host.dir, 'out');
  mkdirSync(outDirectory);
  const appearance = watchAppearance(outDirectory);
  let names = 0;
  return {
    ...{ host, outDirectory, appearance },
    nextName: () => `bench-${(names += 1)}`,
    close: () => {
      appearance.close();
      host.remove();
    },
  };
}

/** The app's first act is what is waited for. */
export function appCommand(name: string): readonly string[] {
  return ['sh', '-c', `touch /out/${name} && sleep 1000000`];
}

/** The next measurement must not pay for the removal of what the last one made. */
export async function waitUntilEmpty({ host }: Stage): Promise<void> {
  await until('all containers to be removed', 120_000, async () => {
    const left = await host.docker.listContainers({ all: true });
    return left.length === 0;
  });
}
