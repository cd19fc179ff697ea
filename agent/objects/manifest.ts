import type { IPod } from 'kubernetes-models/v1';
import { decodeManifest, type ManifestProblem, type ObjectDocument } from './decode.ts';
import { defaultPod } from './defaults.ts';
import { formatPath } from './field-path.ts';
import type { FieldProblem } from './field-problem.ts';
import { field, isJsonObject, type JsonObject } from './json.ts';
import { isObjectKind } from './kinds/index.ts';
import { checkObject, keyOfDocument } from './kinds/load.ts';
import { dns1123Subdomain } from './names.ts';
import { POD_SHAPE } from './pod-schema.ts';
import { checkShape } from './schema.ts';
import { toStaticPod } from './static-pod.ts';
import { checkSupport } from './support.ts';
import { podKey, type ObjectKind, type ObjectsByKind, type Pod } from './types.ts';
import { validatePod } from './validate-pod.ts';
import { check } from './validate-metadata.ts';

/** A static pod, and the document that it was made from. */
export interface LoadedPod {
  readonly pod: Pod;
  readonly document: JsonObject;
}

/** An object that is no pod, and the document that it was made from. */
export interface LoadedObject {
  readonly object: ObjectsByKind[ObjectKind];
  readonly document: JsonObject;
}

/** The valid objects of a manifest. */
export interface LoadedObjects {
  readonly pods: readonly LoadedPod[];
  readonly objects: readonly LoadedObject[];
}

export interface LoadedManifest extends LoadedObjects {
  readonly problems: readonly ManifestProblem[];
  /**
   * Documents with errors: `podKey` or `objectKey` of the object, or undefined when the document does not tell. Other documents of
   * the same manifest are not affected.
   */
  readonly broken: readonly (string | undefined)[];
}

export interface ManifestOrigin {
  /** Path of the manifest file. */
  readonly origin: string;
  readonly nodeName: string;
  /** Milliseconds since the epoch; becomes the pods' `kubernetes.io/config.seen`. */
  readonly seenAt: number;
}

/** Reads a manifest into objects that are valid and defaulted. Never throws: everything wrong is a problem. */
export function loadManifest(text: string, from: ManifestOrigin): LoadedManifest {
  const decoded = decodeManifest(text, from.origin);
  const results = decoded.documents.map((document) => loadDocument(document, from));
  const undecoded = decoded.problems.filter(({ severity }) => severity === 'error');
  return {
    ...collect(results),
    problems: [...decoded.problems, ...results.flatMap(({ problems }) => problems)],
    broken: [
      ...undecoded.map(() => undefined),
      ...results.filter(({ pod, object }) => pod === undefined && object === undefined).map(({ key }) => key),
    ],
  };
}

/** The objects of documents that were read before, without what is invalid by now. */
export function loadDocuments(documents: readonly JsonObject[], from: ManifestOrigin): LoadedObjects {
  return collect(
    documents.flatMap((value) => {
      const kind = field(value, 'kind');
      if (kind !== 'Pod' && (typeof kind !== 'string' || !isObjectKind(kind))) return [];
      return [loadDocument({ kind, value, base: [], lineOf: () => undefined }, from)];
    }),
  );
}

function collect(results: readonly DocumentResult[]): LoadedObjects {
  return {
    pods: results.flatMap(({ pod }) => pod ?? []),
    objects: results.flatMap(({ object }) => object ?? []),
  };
}

interface DocumentResult {
  readonly pod?: LoadedPod;
  readonly object?: LoadedObject;
  /** `podKey` or `objectKey`, as far as the document tells. */
  readonly key: string | undefined;
  readonly problems: readonly ManifestProblem[];
}

function loadDocument(document: ObjectDocument, from: ManifestOrigin): DocumentResult {
  const { kind, value, base } = document;
  if (kind === 'Pod') return loadPod(document, from);
  const key = keyOfDocument(kind, value);
  const { object, problems } = checkObject(kind, value, base, from.nodeName);
  return {
    key,
    ...(object === undefined ? {} : { object: { object, document: value } }),
    problems: report(problems, document, from.origin, key === undefined ? {} : { object: key }),
  };
}

function loadPod(document: ObjectDocument, from: ManifestOrigin): DocumentResult {
  const { value, base } = document;
  const key = staticPodKey(value, from.nodeName);
  const about = key === undefined ? {} : { pod: key };
  const shape = checkShape(value, POD_SHAPE, base);
  if (shape.some(isError)) return { key, problems: report(shape, document, from.origin, about) };

  // The shape is that of a v1 Pod in every part that is read.
  const pod = defaultPod(value as unknown as IPod);
  const static_ = toStaticPod(pod, { ...from, document: value });
  const found = [...shape, ...checkSupport(value, base), ...validatePod(pod, base)];
  const all = [...found, ...(found.some(isError) ? [] : checkFullName(static_, document))];
  return {
    key,
    ...(all.some(isError) ? {} : { pod: { pod: static_, document: value } }),
    problems: report(all, document, from.origin, about),
  };
}

/** With the node's name the name must still be one. */
function checkFullName(pod: Pod, document: ObjectDocument): readonly FieldProblem[] {
  return check(pod.metadata.name, dns1123Subdomain, [...document.base, 'metadata', 'name']);
}

function isError(problem: FieldProblem): boolean {
  return problem.severity === 'error';
}

/** `namespace/name` that the pod of a document has or would have, as far as the document tells. */
function staticPodKey(document: JsonObject, nodeName: string): string | undefined {
  const metadata = field(document, 'metadata');
  if (!isJsonObject(metadata)) return undefined;
  const name = field(metadata, 'name');
  const namespace = field(metadata, 'namespace') ?? '';
  if (typeof name !== 'string' || name === '' || typeof namespace !== 'string') return undefined;
  return podKey({ metadata: { namespace: namespace || 'default', name: `${name}-${nodeName.toLowerCase()}` } });
}

/** In the order of their lines. */
function report(
  problems: readonly FieldProblem[],
  document: ObjectDocument,
  origin: string,
  about: Pick<ManifestProblem, 'pod' | 'object'>,
): readonly ManifestProblem[] {
  return problems
    .map(({ path, severity, message }): ManifestProblem => {
      const line = document.lineOf(path);
      return { origin, ...(line === undefined ? {} : { line }), path: formatPath(path), severity, message, ...about };
    })
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
