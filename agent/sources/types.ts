import type { ManifestProblem } from '../objects/decode.ts';
import type { ObjectKind, ObjectReader, ObjectsByKind, Pod } from '../objects/types.ts';

export { objectKey } from '../objects/types.ts';

/** An object and the place that it came from. */
export interface SourcedPod {
  readonly pod: Pod;
  /** `file` or `api`, as in the annotation `kubernetes.io/config.source`. */
  readonly source: string;
  /** Where in the source: a file name. */
  readonly origin: string;
}

/** An object that is no pod, and the place that it came from. */
export interface SourcedObject {
  readonly object: ObjectsByKind[ObjectKind];
  readonly source: string;
  readonly origin: string;
}

/** What is wrong with one file or document of a source. */
export type SourceProblem = ManifestProblem;

/** Everything that one source wants at one time: a SET, which replaces what the source wanted before. */
export interface SourceSnapshot {
  readonly source: string;
  readonly pods: readonly SourcedPod[];
  readonly objects: readonly SourcedObject[];
  readonly problems: readonly SourceProblem[];
  /** There may be more that the source wants than it says here: what it leaves out is not unwanted. Default false. */
  readonly partial?: boolean;
}

/** The desired objects of all sources. Only sources write to it. */
export interface ObjectStore extends ObjectReader {
  /** Replaces all that a source wants, and tells the subscribers which pod UIDs changed. */
  set(snapshot: SourceSnapshot): void;
  pod(uid: string): SourcedPod | undefined;
  pods(): readonly SourcedPod[];
  problems(): readonly SourceProblem[];
  /** True when every registered source delivered its first snapshot, be it partial: pods may run. */
  synced(): boolean;
  /**
   * True when every registered source, or the one that is named, has said once all that it wants: before that nothing may be
   * removed as an orphan.
   */
  complete(source?: string): boolean;
  /** Calls `listener` with the UIDs that appeared, changed or went, also for the first snapshot of a source and its first whole one. */
  subscribe(listener: (uids: ReadonlySet<string>) => void): () => void;
  /** Where the object with a key (`objectKey`) comes from: a file name. */
  originOf(key: string): string | undefined;
  /** Calls `listener` with the keys (`objectKey`) of the objects that appeared, changed or went. */
  subscribeObjects(listener: (keys: ReadonlySet<string>) => void): () => void;
}
