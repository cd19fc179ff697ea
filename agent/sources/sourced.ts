import type { LoadedObjects } from '../objects/index.ts';
import type { SourcedObject, SourcedPod } from './types.ts';

export const FILE_SOURCE = 'file';

/** What a file wants, with its origin. */
export interface Sourced {
  readonly pods: readonly SourcedPod[];
  readonly objects: readonly SourcedObject[];
}

export const NOTHING = { pods: [], objects: [] } as const;

/** @param before of the same file: what did not change stays the object that it was */
export function sourceFrom(loaded: LoadedObjects, origin: string, before: Sourced = NOTHING): Sourced {
  const pods = new Map(before.pods.map((sourced) => [sourced.pod, sourced]));
  const objects = new Map(before.objects.map((sourced) => [sourced.object, sourced]));
  return {
    pods: loaded.pods.map(({ pod }) => pods.get(pod) ?? { pod, source: FILE_SOURCE, origin }),
    objects: loaded.objects.map(({ object }) => objects.get(object) ?? { object, source: FILE_SOURCE, origin }),
  };
}
