import pLimit from 'p-limit';
import { appCommand, appImage, pauseImage, waitUntilEmpty, type Stage } from './stage.ts';

/** A pod as Docker alone makes it: what podwright is measured against. */
interface Pair {
  readonly containers: readonly string[];
}

/** Milliseconds from the first API call to the app's file. */
export async function measureFloorDrop(stage: Stage): Promise<number> {
  const name = stage.nextName();
  const appeared = stage.appearance.of(name);
  const start = performance.now();
  const [pair, end] = await Promise.all([startPair(stage, name), appeared]);
  await removePairs(stage, [pair]);
  return end - start;
}

/** Milliseconds from the first API call to the last app's file, with `parallelism` pairs in work at a time. */
export async function measureFloorBurst(stage: Stage, count: number, parallelism: number): Promise<number> {
  const names = Array.from({ length: count }, () => stage.nextName());
  const limit = pLimit(parallelism);
  const appeared = Promise.all(names.map(async (name) => stage.appearance.of(name, 180_000)));
  const start = performance.now();
  const started = Promise.all(names.map(async (name) => limit(async () => startPair(stage, name))));
  const [pairs, ends] = await Promise.all([started, appeared]);
  await removePairs(stage, pairs);
  return Math.max(...ends) - start;
}

async function startPair({ host: { docker }, outDirectory }: Stage, name: string): Promise<Pair> {
  const pause = await docker.createContainer({
    name: `${name}-pause`,
    Image: pauseImage,
    HostConfig: { NetworkMode: 'none', IpcMode: 'shareable' },
  });
  await pause.start();
  const app = await docker.createContainer({
    name: `${name}-app`,
    Image: appImage,
    Cmd: [...appCommand(name)],
    HostConfig: {
      NetworkMode: `container:${pause.id}`,
      IpcMode: `container:${pause.id}`,
      Binds: [`${outDirectory}:/out`],
    },
  });
  await app.start();
  return { containers: [app.id, pause.id] };
}

async function removePairs(stage: Stage, pairs: readonly Pair[]): Promise<void> {
  const limit = pLimit(4);
  const remove = async (id: string): Promise<void> => {
    await stage.host.docker.getContainer(id).remove({ force: true, v: true });
  };
  await Promise.all(pairs.flatMap(({ containers }) => containers).map(async (id) => limit(remove, id)));
  await waitUntilEmpty(stage);
}
