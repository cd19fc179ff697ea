import type { FieldPath } from '../field-path.ts';
import type { FieldProblem } from '../field-problem.ts';
import type { Shape } from '../schema.ts';
import type { ObjectKind, ObjectsByKind } from '../types.ts';

/** What is particular to one kind of object. */
export interface KindRules<K extends ObjectKind> {
  /** Default `v1`. */
  readonly apiVersion?: string;
  /** Fields beside apiVersion, kind, metadata and status. */
  readonly fields: Readonly<Record<string, Shape>>;
  /** Shape of the status, for a kind that a manifest may give one; of any other kind it is dropped. */
  readonly status?: Shape;
  /** False for what belongs to the whole cluster. */
  readonly namespaced: boolean;
  /**
   * Checks an object as it was written; only its metadata is defaulted already. An empty text is an absent one, as in Go.
   *
   * @param base where the object is in its document
   */
  readonly validate: (object: ObjectsByKind[K], base: FieldPath) => readonly FieldProblem[];
  /** A valid object with every default in its place. The input is not changed. */
  readonly complete: (object: ObjectsByKind[K], nodeName: string) => ObjectsByKind[K];
  /** True when no problem of an object may show a value of it. */
  readonly secret?: true;
}
