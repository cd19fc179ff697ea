import { isDeepStrictEqual } from 'node:util';
import {
  CONFIG_SEEN,
  objectKey,
  podKey,
  type LoadedManifest,
  type LoadedObject,
  type LoadedObjects,
  type LoadedPod,
  type Pod,
} from '../objects/index.ts';

/** How long a file must be unmodified before it counts as completely written, milliseconds. */
const QUIET_MS = 25;
/** How long a file that was just modified may be invalid before that is reported, milliseconds. */
const INVALID_GRACE_MS = 1_000;
/** How long a file may be missing before it counts as removed: editors rename the old one away first. Milliseconds. */
const MISSING_GRACE_MS = 100;

/** What happened to a name since it was last looked at. */
export interface FileHint {
  /** Its content or attributes changed in place; without it the name was made, removed or renamed only. */
  readonly written: boolean;
}

/** What is at a name now. */
export type FileFacts =
  | { readonly is: 'absent' }
  | { readonly is: 'file'; readonly fingerprint: string; readonly modifiedMs: number }
  /** Something that is no file. */
  | { readonly is: 'other'; readonly reason: string }
  /** It cannot be told. */
  | { readonly is: 'unreadable'; readonly reason: string };

/** What was taken from a name before. */
export interface KnownFile {
  /** Of the content that was last taken; undefined when none was, or when it must be read again. */
  readonly fingerprint: string | undefined;
  readonly missingSince: number | undefined;
}

export type FileStep =
  | { readonly do: 'nothing' }
  | { readonly do: 'read' }
  | { readonly do: 'forget' }
  /** The name is no manifest: its pods go. */
  | { readonly do: 'refuse'; readonly reason: string }
  /** The pods stay as they are. */
  | { readonly do: 'report'; readonly reason: string }
  /** Look again at this time, milliseconds since the epoch. */
  | { readonly do: 'wait'; readonly until: number; readonly because: 'missing' | 'written' };

/** Decides what to do about one name of the directory. */
export function planFile(facts: FileFacts, known: KnownFile, hint: FileHint | undefined, now: number): FileStep {
  if (facts.is === 'other') return { do: 'refuse', reason: facts.reason };
  if (facts.is === 'unreadable') return { do: 'report', reason: facts.reason };
  if (facts.is === 'absent') return planAbsent(known, now);
  if (hint === undefined && facts.fingerprint === known.fingerprint) return { do: 'nothing' };
  // A file that was renamed to its place was complete when it came.
  if (hint?.written === false) return { do: 'read' };
  return planQuiet(facts.modifiedMs, now);
}

/** Missing since a time in the future: the clock was set back meanwhile, and nobody waits until it is there again. */
function planAbsent(known: KnownFile, now: number): FileStep {
  const since = known.missingSince ?? now;
  const until = since + MISSING_GRACE_MS;
  return since <= now && now < until ? { do: 'wait', until, because: 'missing' } : { do: 'forget' };
}

/** A time of modification in the future is another clock's: nothing can be told from it. */
function planQuiet(modifiedMs: number, now: number): FileStep {
  const age = now - modifiedMs;
  if (age >= QUIET_MS || age <= -QUIET_MS) return { do: 'read' };
  return { do: 'wait', until: Math.ceil(modifiedMs) + QUIET_MS, because: 'written' };
}

/**
 * When an invalid content is to be believed, milliseconds since the epoch: what was modified a moment ago may be half of
 * what is being written.
 *
 * @param since when the file was first found to be invalid; in the future when the clock was set back since then
 */
export function invalidUntil(modifiedMs: number, since: number, now: number): number {
  return since > now ? now : Math.min(modifiedMs, since) + INVALID_GRACE_MS;
}

/**
 * What a file stands for: the objects of its valid documents, and the last good ones of documents that are now invalid. A broken
 * document that does not tell its object's name may be any that is missing. What did not change stays the object that it
 * was.
 */
export function mergeLastGood(lastGood: LoadedObjects, loaded: LoadedManifest): LoadedObjects {
  const pods = new Map(lastGood.pods.map((one) => [one.pod.metadata.uid, one]));
  const objects = new Map(lastGood.objects.map((one) => [keyOf(one), one]));
  return {
    pods: [
      ...loaded.pods.map((one) => keepSeen(pods.get(one.pod.metadata.uid), one)),
      ...stillGood(lastGood.pods, loaded.pods, loaded.broken, ({ pod }) => podKey(pod)),
    ],
    objects: [
      ...loaded.objects.map((one) => keepSame(objects.get(keyOf(one)), one)),
      ...stillGood(lastGood.objects, loaded.objects, loaded.broken, keyOf),
    ],
  };
}

function stillGood<T>(
  lastGood: readonly T[],
  valid: readonly T[],
  broken: LoadedManifest['broken'],
  keyOfOne: (one: T) => string,
): readonly T[] {
  const keys = new Set(valid.map(keyOfOne));
  const lost = new Set(broken);
  return lastGood.filter((one) => {
    const key = keyOfOne(one);
    return !keys.has(key) && (lost.has(key) || lost.has(undefined));
  });
}

function keyOf({ object }: LoadedObject): string {
  return objectKey(object.kind, object.metadata.namespace, object.metadata.name);
}

function keepSame(before: LoadedObject | undefined, after: LoadedObject): LoadedObject {
  return before !== undefined && isDeepStrictEqual(before.object, after.object) ? before : after;
}

/** A pod is first seen once, however often its file is read. */
function keepSeen(before: LoadedPod | undefined, after: LoadedPod): LoadedPod {
  const seen = before?.pod.metadata.annotations[CONFIG_SEEN];
  if (before === undefined || seen === undefined) return after;
  const { metadata } = after.pod;
  const pod: Pod = {
    ...after.pod,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [CONFIG_SEEN]: seen } },
  };
  return isDeepStrictEqual(pod, before.pod) ? before : { ...after, pod };
}
