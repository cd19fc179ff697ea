import type { IPod } from 'kubernetes-models/v1';
import { decodeManifest, type ManifestProblem, type PodDocument } from './decode.ts';
import { defaultPod } from './defaults.ts';
import { formatPath } from './field-path.ts';
import type { FieldProblem } from './field-problem.ts';
import { field, isJsonObject, type JsonObject } from './json.ts';
import { dns1123Subdomain } from './names.ts';
import { POD_SHAPE } from './pod-schema.ts';
import { checkShape } from './schema.ts';
import { toStaticPod } from './static-pod.ts';
import { checkSupport } from './support.ts';
import { podKey, type Pod } from './types.ts';
import { validatePod } from './validate-pod.ts';
import { check } from './validate-metadata.ts';

/** A static pod, and the document that it was made from. */
export interface LoadedPod {
  readonly pod: Pod;
  readonly document: JsonObject;
}

export interface LoadedManifest {
  readonly pods: readonly LoadedPod[];
  readonly problems: readonly ManifestProblem[];
  /**
   * Documents with errors: `namespace/name` of the pod, or undefined when the document does not tell. Other documents of the same
   * manifest are not affected.
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

/** Reads a manifest into static pods that are valid and defaulted. Never throws: everything wrong is a problem. */
export function loadManifest(text: string, from: ManifestOrigin): LoadedManifest {
  const decoded = decodeManifest(text, from.origin);
  const results = decoded.documents.map((document) => loadPod(document, from));
  const undecoded = decoded.problems.filter(({ severity }) => severity === 'error');
  return {
    pods: results.flatMap(({ loaded }) => loaded ?? []),
    problems: [...decoded.problems, ...results.flatMap(({ problems }) => problems)],
    broken: [
      ...undecoded.map(() => undefined),
      ...results.filter(({ loaded }) => loaded === undefined).map(({ key }) => key),
    ],
  };
}

/** Pods of documents that were read before, without what is invalid by now. */
export function loadDocuments(documents: readonly JsonObject[], from: ManifestOrigin): readonly LoadedPod[] {
  const results = documents.map((value) => loadPod({ value, base: [], lineOf: () => undefined }, from));
  return results.flatMap(({ loaded }) => loaded ?? []);
}

interface PodResult {
  readonly loaded: LoadedPod | undefined;
  readonly key: string | undefined;
  readonly problems: readonly ManifestProblem[];
}

function loadPod(document: PodDocument, from: ManifestOrigin): PodResult {
  const { value, base } = document;
  const key = staticPodKey(value, from.nodeName);
  const shape = checkShape(value, POD_SHAPE, base);
  const report = (found: readonly FieldProblem[]): readonly ManifestProblem[] =>
    found
      .map((problem) => toManifestProblem(problem, document, from.origin, key))
      .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  if (shape.some(isError)) return { loaded: undefined, key, problems: report(shape) };

  // The shape is that of a v1 Pod in every part that is read.
  const pod = defaultPod(value as unknown as IPod);
  const static_ = toStaticPod(pod, { ...from, document: value });
  const found = [...shape, ...checkSupport(value, base), ...validatePod(pod, base)];
  const all = [...found, ...(found.some(isError) ? [] : checkFullName(static_, document))];
  const loaded = all.some(isError) ? undefined : { pod: static_, document: value };
  return { loaded, key, problems: report(all) };
}

/** With the node's name the name must still be one. */
function checkFullName(pod: Pod, document: PodDocument): readonly FieldProblem[] {
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

function toManifestProblem(
  problem: FieldProblem,
  document: PodDocument,
  origin: string,
  key: string | undefined,
): ManifestProblem {
  const line = document.lineOf(problem.path);
  return {
    origin,
    ...(line === undefined ? {} : { line }),
    path: formatPath(problem.path),
    severity: problem.severity,
    message: problem.message,
    ...(key === undefined ? {} : { pod: key }),
  };
}
