import { createHash } from 'node:crypto';
import type { FieldPath } from '../field-path.ts';
import { forbidden, type FieldProblem } from '../field-problem.ts';
import { canonicalJson, field, isJsonObject, type JsonObject } from '../json.ts';
import { metadataShape } from '../schema-metadata.ts';
import { checkShape } from '../schema.ts';
import { objectKey, type ObjectKind, type ObjectsByKind } from '../types.ts';
import { validateMetadata } from '../validate-metadata.ts';
import { apiVersionOf, KINDS } from './index.ts';
import type { KindRules } from './rules.ts';
import { REDACTED } from './secret.ts';

export interface CheckedObject<K extends ObjectKind> {
  /** Undefined when a problem is an error. */
  readonly object: ObjectsByKind[K] | undefined;
  readonly problems: readonly FieldProblem[];
}

/**
 * Checks and defaults one object that is no pod, as an API server does when it is created, and gives it an identity: a `uid`
 * when it has none, and a `resourceVersion` that changes with its content. The resource version of a Secret is made from its
 * values too: it is for comparing, not for showing.
 *
 * @param base where the object is in its document
 */
export function checkObject<K extends ObjectKind>(
  kind: K,
  value: JsonObject,
  base: FieldPath,
  nodeName: string,
): CheckedObject<K> {
  const rules: KindRules<K> = KINDS[kind];
  const shape = checkShape(
    value,
    {
      fields: {
        apiVersion: 'string',
        kind: 'string',
        metadata: metadataShape,
        status: rules.status ?? 'any',
        ...rules.fields,
      },
    },
    base,
  );
  const shapeProblems = rules.secret === true ? shape.map(withoutValue) : shape;
  if (shape.some(isError)) return { object: undefined, problems: shapeProblems };
  const written = withIdentity(kind, value, rules);
  const problems = [
    ...shapeProblems,
    ...checkMetadata(written, rules.namespaced, value, base),
    ...rules.validate(written, base),
  ];
  return { object: problems.some(isError) ? undefined : rules.complete(written, nodeName), problems };
}

/** The key of `objectKey` that a document's object has or would have, as far as the document tells. */
export function keyOfDocument(kind: ObjectKind, document: JsonObject): string | undefined {
  const metadata = field(document, 'metadata');
  if (!isJsonObject(metadata)) return undefined;
  const name = field(metadata, 'name');
  const namespace = field(metadata, 'namespace') ?? '';
  if (typeof name !== 'string' || name === '' || typeof namespace !== 'string') return undefined;
  return objectKey(kind, namespace || 'default', name);
}

/** The object of a document that has the kind's shape. */
function withIdentity<K extends ObjectKind>(kind: K, value: JsonObject, rules: KindRules<K>): ObjectsByKind[K] {
  const content = rules.status === undefined ? without(value, 'status') : value;
  // The shape is that of the kind in every part that is read.
  const written = content as unknown as ObjectsByKind[K];
  const metadata: Partial<ObjectsByKind[K]['metadata']> = written.metadata ?? {};
  return {
    ...written,
    apiVersion: apiVersionOf(kind),
    kind,
    metadata: {
      ...metadata,
      name: metadata.name ?? '',
      namespace: rules.namespaced ? metadata.namespace || 'default' : '',
      uid: metadata.uid || contentUid(content, rules.secret === true),
      labels: { ...metadata.labels },
      annotations: { ...metadata.annotations },
      resourceVersion: createHash('sha256').update(canonicalJson(content)).digest('hex').slice(0, 32),
    },
  };
}

/** UIDs are shown. One that covered the values of a Secret would let a guess at them be tried. */
function contentUid(content: JsonObject, secret: boolean): string {
  const covered = secret ? without(content, 'data', 'stringData') : content;
  return createHash('md5').update(canonicalJson(covered)).digest('hex');
}

function without(object: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

function checkMetadata(
  { metadata }: ObjectsByKind[ObjectKind],
  namespaced: boolean,
  value: JsonObject,
  base: FieldPath,
): readonly FieldProblem[] {
  const path = [...base, 'metadata'];
  if (namespaced) return validateMetadata(metadata, path);
  const written = field(value, 'metadata');
  const given = isJsonObject(written) ? (field(written, 'namespace') ?? '') : '';
  return [
    ...validateMetadata({ ...metadata, namespace: 'default' }, path),
    ...(given === '' ? [] : [forbidden([...path, 'namespace'], 'not allowed on this type')]),
  ];
}

function isError(problem: FieldProblem): boolean {
  return problem.severity === 'error';
}

/** A value of the wrong type is one all the same: `password: 1234`. */
function withoutValue(problem: FieldProblem): FieldProblem {
  return {
    ...problem,
    message: problem.message.replace(
      /^Invalid value: .*: must be /s,
      `Invalid value: ${JSON.stringify(REDACTED)}: must be `,
    ),
  };
}
