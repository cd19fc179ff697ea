import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../agent/clock.ts';
import {
  createObjectStore,
  watchManifests,
  type ObjectStore,
  type SourceSnapshot,
} from '../../../agent/sources/index.ts';

/** A running manifest source on real files. */
export interface Source {
  readonly store: ObjectStore;
  /** Everything that the source said, in order. */
  readonly snapshots: SourceSnapshot[];
  readonly logged: { readonly level: string; readonly message: string; readonly fields: object }[];
  stop(): Promise<void>;
}

export interface Place {
  readonly root: string;
  readonly directory: string;
  readonly checkpointDir: string;
  remove(): Promise<void>;
}

export async function makePlace(): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'podwright-sources-'));
  return {
    root,
    directory: join(root, 'manifests'),
    checkpointDir: join(root, 'checkpoints'),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

export function startSource(place: Place, rescanMs = 20_000): Source {
  const controller = new AbortController();
  const store = createObjectStore(['file']);
  const snapshots: SourceSnapshot[] = [];
  const logged: Source['logged'] = [];
  const logger = (level: string) => (fields: object, message: string) => void logged.push({ level, message, fields });
  const running = watchManifests(
    {
      directory: place.directory,
      checkpointDir: place.checkpointDir,
      nodeName: 'node',
      rescanMs,
      clock: systemClock,
      log: { info: logger('info'), warn: logger('warn'), error: logger('error') },
      onSnapshot: (snapshot) => {
        snapshots.push(snapshot);
        store.set(snapshot);
      },
    },
    controller.signal,
  );
  return {
    store,
    snapshots,
    logged,
    stop: async () => {
      controller.abort();
      await running;
    },
  };
}

/** Waits until a condition holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 5_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await systemClock.sleep(5);
  }
}

/** A manifest whose pod can be told apart by its image. */
export function manifest(name: string, image = 'registry/app:1'): string {
  return `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\nspec:\n  containers:\n  - name: app\n    image: ${image}\n`;
}

export function configMap(name: string, value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  key: ${value}\n`;
}

/** `name image` of every pod, sorted. */
export function running(source: {
  pods(): readonly {
    readonly pod: {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly containers: readonly { readonly image: string }[] };
    };
  }[];
}): readonly string[] {
  return source
    .pods()
    .map(({ pod }) => `${pod.metadata.name} ${pod.spec.containers[0]?.image ?? ''}`)
    .sort();
}
