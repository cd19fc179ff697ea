import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { appCommand, appImage, waitUntilEmpty, type Stage } from './stage.ts';

/** Milliseconds from the manifest's rename to the app's file. */
export async function measurePodDrop(stage: Stage): Promise<number> {
  const name = stage.nextName();
  const appeared = stage.appearance.of(name);
  const start = dropAll(stage, [name]);
  const end = await appeared;
  await removePods(stage, [name]);
  return end - start;
}

/** Milliseconds from the first rename to the last app's file. */
export async function measurePodBurst(stage: Stage, count: number): Promise<number> {
  const { names, elapsedMs } = await startPods(stage, count);
  await removePods(stage, names);
  return elapsedMs;
}

export interface StartedPods {
  readonly names: readonly string[];
  readonly elapsedMs: number;
}

/** @param container further fields of the app container */
export async function startPods(stage: Stage, count: number, container: object = {}): Promise<StartedPods> {
  const names = Array.from({ length: count }, () => stage.nextName());
  const appeared = Promise.all(names.map(async (name) => stage.appearance.of(name, 180_000)));
  const start = dropAll(stage, names, container);
  return { names, elapsedMs: Math.max(...(await appeared)) - start };
}

export async function removePods(stage: Stage, names: readonly string[]): Promise<void> {
  for (const name of names) stage.host.removeManifest(`${name}.yaml`);
  await waitUntilEmpty(stage);
}

/** Writes all files under temporary names first, then renames them in one go. Returns the time of the first rename. */
function dropAll(
  { host: { manifestDir }, outDirectory }: Stage,
  names: readonly string[],
  container: object = {},
): number {
  for (const name of names) {
    writeFileSync(join(manifestDir, `.${name}.yaml`), stringify(manifest(name, outDirectory, container)));
  }
  const start = performance.now();
  for (const name of names) renameSync(join(manifestDir, `.${name}.yaml`), join(manifestDir, `${name}.yaml`));
  return start;
}

function manifest(name: string, outDirectory: string, container: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'app',
          image: appImage,
          command: appCommand(name),
          ...container,
          volumeMounts: [{ name: 'out', mountPath: '/out' }],
        },
      ],
      volumes: [{ name: 'out', hostPath: { path: outDirectory, type: 'Directory' } }],
    },
  };
}
