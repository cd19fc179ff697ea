import { createHash } from 'node:crypto';
import { messageOf } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import { loadManifest, type JsonObject, type LoadedObjects } from '../objects/index.ts';
import type { ClaimingFile } from './claims-plan.ts';
import { invalidUntil, mergeLastGood, planFile, type FileHint } from './file-plan.ts';
import { inspectManifest, readManifest, type ManifestText } from './manifest-read.ts';
import { NOTHING, sourceFrom, type Sourced } from './sourced.ts';
import type { SourceProblem } from './types.ts';
import { createWakeup, type Wakeup } from '../wakeup.ts';

/** After this time a file that is still being written holds up nothing more. Milliseconds. */
const PATIENCE_MS = 500;

export interface ManifestFileOptions {
  readonly path: string;
  readonly nodeName: string;
  readonly clock: Clock;
  /** The last good objects of the file from before the daemon started; asked only when the file itself is no help. */
  readonly restore: () => LoadedObjects;
  /** The file's objects or problems changed. */
  readonly onChange: () => void;
  /** What the file stands for is known as well as it can be for now. */
  readonly onLooked: () => void;
  /** The file is gone. */
  readonly onGone: () => void;
}

/**
 * Follows one file of the manifest directory: looks when told to, waits until it is completely written, and keeps the last
 * good objects when it is not valid.
 *
 * Invariants: one look at a time; a hint that comes during a look is followed by another; what the file stands for only
 * changes together with `onChange` or `onGone`.
 */
export class ManifestFile {
  readonly #options: ManifestFileOptions;
  readonly #signal: AbortSignal;
  readonly #wakeup: Wakeup;
  readonly #since: number;

  #hint: FileHint | undefined;
  #beingWritten = false;
  #following: Promise<void> | undefined;

  #fingerprint: string | undefined;
  #digest: string | undefined;
  #lastGood: LoadedObjects | undefined;
  #sourced: Sourced = NOTHING;
  #contentProblems: readonly SourceProblem[] = [];
  #accessProblem: SourceProblem | undefined;
  #missingSince: number | undefined;
  #invalidSince: number | undefined;

  constructor(options: ManifestFileOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#wakeup = createWakeup(options.clock);
    this.#since = options.clock.now();
  }

  /** What the file stands for now. */
  claims(): ClaimingFile {
    this.#loaded();
    return { origin: this.#options.path, ...this.#sourced, leaving: this.#missingSince !== undefined };
  }

  /** The documents of those objects of the file that are in `accepted`. */
  documents(accepted: ReadonlySet<object>): readonly JsonObject[] {
    const { pods, objects } = this.#loaded();
    return [
      ...pods.filter(({ pod }) => accepted.has(pod)),
      ...objects.filter(({ object }) => accepted.has(object)),
    ].map(({ document }) => document);
  }

  problems(): readonly SourceProblem[] {
    return this.#accessProblem === undefined ? this.#contentProblems : [this.#accessProblem];
  }

  /**
   * Looks at the file, now or when the look under way is over.
   *
   * @param hint what happened to it; undefined when it is only to be compared with what is known
   * @returns when nothing is left to wait for
   */
  touch(hint?: FileHint): Promise<void> {
    this.#addHint(hint);
    this.#wakeup.wake();
    this.#following ??= this.#follow();
    return this.#following;
  }

  async #follow(): Promise<void> {
    const { clock } = this.#options;
    try {
      for (let until: number | undefined = clock.now(); until !== undefined || this.#hint !== undefined;) {
        await this.#wakeup.sleep(Math.max(0, (until ?? 0) - clock.now()), this.#signal);
        until = await this.#look();
        if (!this.#beingWritten || clock.now() - this.#since >= PATIENCE_MS) this.#options.onLooked();
      }
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    } finally {
      this.#following = undefined;
    }
  }

  /** One look. Returns the time of the next when one is needed. */
  async #look(): Promise<number | undefined> {
    const { path, clock } = this.#options;
    const hint = this.#hint;
    this.#hint = undefined;
    const facts = await inspectManifest(path);
    const known = { fingerprint: this.#fingerprint, missingSince: this.#missingSince };
    const step = planFile(facts, known, hint, clock.now());
    this.#setMissing(step.do === 'wait' && step.because === 'missing');
    this.#beingWritten = step.do === 'wait' && step.because === 'written';
    switch (step.do) {
      case 'nothing':
        this.#setAccess(undefined);
        return undefined;
      case 'wait':
        this.#addHint(hint);
        return step.until;
      case 'read':
        return this.#read();
      case 'report':
        this.#setAccess(step.reason);
        return undefined;
      case 'refuse':
        this.#refuse(step.reason);
        return undefined;
      case 'forget':
        return this.#forget();
    }
  }

  async #read(): Promise<number | undefined> {
    const { path, clock } = this.#options;
    let content: ManifestText | undefined;
    try {
      content = await readManifest(path);
    } catch (error) {
      this.#setAccess(`cannot be read: ${messageOf(error)}`);
      return undefined;
    }
    // Written while it was read, or in the moment before: what was read may be half of it.
    if (content === undefined || this.#hint?.written === true) return clock.now();
    return this.#accept(content);
  }

  #accept(content: ManifestText): number | undefined {
    const { path: origin, nodeName, clock } = this.#options;
    const digest = createHash('sha256').update(content.text).digest('hex');
    if (digest !== this.#digest) {
      const now = clock.now();
      const loaded = loadManifest(content.text, { origin, nodeName, seenAt: now });
      const invalid = loaded.broken.length > 0;
      this.#invalidSince = invalid ? (this.#invalidSince ?? now) : undefined;
      const until = invalidUntil(content.modifiedMs, this.#invalidSince ?? now, now);
      if (invalid && now < until) return until;
      this.#setLoaded(mergeLastGood(invalid ? this.#loaded() : (this.#lastGood ?? NOTHING), loaded));
      this.#contentProblems = loaded.problems;
    }
    this.#invalidSince = undefined;
    this.#fingerprint = content.fingerprint;
    const changed = digest !== this.#digest || this.#accessProblem !== undefined;
    this.#digest = digest;
    this.#accessProblem = undefined;
    if (changed) this.#options.onChange();
    return undefined;
  }

  #loaded(): LoadedObjects {
    return this.#lastGood ?? this.#setLoaded(this.#options.restore());
  }

  #setLoaded(loaded: LoadedObjects): LoadedObjects {
    this.#sourced = sourceFrom(loaded, this.#options.path, this.#sourced);
    this.#lastGood = loaded;
    return loaded;
  }

  #setMissing(missing: boolean): void {
    if (missing === (this.#missingSince !== undefined)) return;
    this.#missingSince = missing ? this.#options.clock.now() : undefined;
    if (this.#sourced.pods.length + this.#sourced.objects.length > 0) this.#options.onChange();
  }

  #setAccess(reason: string | undefined, severity: SourceProblem['severity'] = 'error'): void {
    if (reason === this.#accessProblem?.message) return;
    const { path: origin } = this.#options;
    this.#accessProblem = reason === undefined ? undefined : { origin, severity, message: reason };
    if (reason !== undefined) this.#fingerprint = undefined;
    this.#options.onChange();
  }

  #refuse(reason: string): void {
    this.#digest = undefined;
    this.#setLoaded(NOTHING);
    this.#setAccess(reason, 'warning');
  }

  /** Nobody knows this object afterwards: what came meanwhile has to be looked at by it. */
  #forget(): number | undefined {
    if (this.#hint !== undefined) return this.#options.clock.now();
    this.#options.onGone();
    return undefined;
  }

  #addHint(hint: FileHint | undefined): void {
    if (hint === undefined) return;
    this.#hint = { written: hint.written || this.#hint?.written === true };
  }
}
