import { formatPath, type FieldPath } from './field-path.ts';
import { field, isJsonList, isJsonObject, typeName, type JsonObject, type JsonValue } from './json.ts';
import { apiVersionOf, isObjectKind, KINDS } from './kinds/index.ts';
import type { ObjectKind } from './types.ts';
import { MAX_DEPTH } from './yaml-json.ts';
import { parseYaml, type YamlDocument } from './yaml.ts';

/** Largest manifest file: what the kubelet reads at most (`maxConfigLength`, pkg/kubelet/config/common.go). */
export const MAX_MANIFEST_BYTES = 10 * 1024 * 1024;

/**
 * Largest YAML text. Parsing takes about a second a megabyte, in which no pod is served, and no larger object fits an
 * API server (etcd's request limit is 1.5 MiB). JSON is read natively and may be larger.
 */
const MAX_YAML_CHARACTERS = 1.5 * 1024 * 1024;

/** What is wrong with a manifest. */
export interface ManifestProblem {
  readonly origin: string;
  /** 1-based line, when known. */
  readonly line?: number;
  /** Field path, e.g. `spec.containers[0].name`. */
  readonly path?: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** `namespace/name` of the pod concerned, when known. */
  readonly pod?: string;
  /** `objectKey` of another object concerned, when known. */
  readonly object?: string;
}

/** One object of a manifest as it is written there, not yet checked. Fields that are null are dropped. */
export interface ObjectDocument {
  readonly kind: 'Pod' | ObjectKind;
  readonly value: JsonObject;
  /** Where the object is in its document: empty, or `items[i]` of a list. */
  readonly base: FieldPath;
  /** 1-based line of a field of the document, or of its nearest ancestor; undefined when lines are not known. */
  readonly lineOf: (path: FieldPath) => number | undefined;
}

export interface DecodedManifest {
  readonly documents: readonly ObjectDocument[];
  readonly problems: readonly ManifestProblem[];
}

/** A document on its way: its JSON value and how to find lines in it. */
interface Located {
  readonly value: JsonValue;
  readonly base: FieldPath;
  readonly lineOf: (path: FieldPath) => number | undefined;
}

/**
 * Reads a manifest: YAML 1.1 or JSON, one or many documents, each an object of a kind that a node serves or a list of such
 * objects. Never throws: what is none is a problem with its line.
 *
 * @param origin name of the file, for the problems
 */
export function decodeManifest(text: string, origin: string): DecodedManifest {
  const manifest = readText(text, origin);
  const decoded = manifest.located.map((located) => decodeObject(located, origin, false));
  const documents = decoded.flatMap((one) => one.documents);
  const problems = [...manifest.problems, ...decoded.flatMap((one) => one.problems)];
  if (documents.length === 0 && problems.length === 0) {
    return { documents, problems: [error(origin, 1, 'the file holds no Kubernetes object')] };
  }
  return { documents, problems };
}

interface ReadManifest {
  readonly located: readonly Located[];
  readonly problems: readonly ManifestProblem[];
}

function readText(text: string, origin: string): ReadManifest {
  if (text.includes('\0')) return { located: [], problems: [error(origin, 1, 'the file is not text')] };
  if (text.length > MAX_YAML_CHARACTERS) return readJson(text) ?? tooLarge(origin);
  const documents = parseYaml(text);
  if (documents.some((document) => document.value === undefined)) {
    const json = readJson(text);
    if (json !== undefined) return json;
  }
  return {
    located: documents.flatMap(located),
    problems: documents.flatMap((document) => yamlProblems(document, origin, mayHoldSecret(text))),
  };
}

/** JSON that the YAML parser cannot take: too large, or in a corner where JSON is not YAML. Its lines are not known. */
function readJson(text: string): ReadManifest | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    const value = withoutNulls(JSON.parse(text) as JsonValue, 0);
    return { located: [{ value, base: [], lineOf: () => undefined }], problems: [] };
  } catch {
    return undefined;
  }
}

/** Drops null fields, which mean the same as absent ones. @throws RangeError on nesting that no object has */
function withoutNulls(value: JsonValue, depth: number): JsonValue {
  if (depth > MAX_DEPTH) throw new RangeError('nested too deeply');
  if (isJsonList(value)) return value.map((item) => withoutNulls(item, depth + 1));
  if (!isJsonObject(value)) return value;
  const fields = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(fields.map(([key, member]) => [key, withoutNulls(member, depth + 1)]));
}

function tooLarge(origin: string): ReadManifest {
  const message = `larger than ${MAX_YAML_CHARACTERS} characters, the most that is read as YAML: split the file`;
  return { located: [], problems: [error(origin, 1, message)] };
}

function located(document: YamlDocument): readonly Located[] {
  const { value, lineOf } = document;
  return value === undefined || value === null ? [] : [{ value, base: [], lineOf }];
}

function yamlProblems(document: YamlDocument, origin: string, secret: boolean): readonly ManifestProblem[] {
  return document.problems.map((problem) => ({
    origin,
    ...problem,
    message: secret ? withoutExcerpt(problem.message) : problem.message,
  }));
}

/** What cannot be parsed cannot tell its kind. */
function mayHoldSecret(text: string): boolean {
  return /kind\W{1,6}secret|stringData/i.test(text);
}

/** The parser's messages end with a part of the text, in quotes or after a colon. */
function withoutExcerpt(message: string): string {
  const [said = ''] = message.split(/[:"'`\\]/, 1);
  return said === message ? message : `${said.trim()} (the text is not shown: it may be part of a Secret)`;
}

function decodeObject(object: Located, origin: string, inList: boolean): DecodedManifest {
  const { value, base, lineOf } = object;
  const line = lineOf(base);
  const fail = (message: string): DecodedManifest => {
    const path = base.length === 0 ? {} : { path: formatPath(base) };
    return { documents: [], problems: [{ ...error(origin, line, message), ...path }] };
  };
  if (!isJsonObject(value)) return fail(`a document must be a Kubernetes object, not ${typeName(value)}`);
  const [apiVersion, kind] = [field(value, 'apiVersion'), field(value, 'kind')];
  if (typeof kind !== 'string' || kind === '') return fail('kind: Required value');
  if (apiVersion === undefined || apiVersion === '') return fail('apiVersion: Required value');
  const item = itemKind(kind);
  if (apiVersion !== versionOf(isServed(item) ? item : kind)) {
    return fail(`${kind} of ${JSON.stringify(apiVersion)} is not a kind that runs on a node`);
  }
  if (isServed(kind)) return { documents: [{ kind, value, base, lineOf }], problems: [] };
  if (!inList && (kind === 'List' || isServed(item))) return decodeList(object, value, kind, origin);
  return fail(`unknown kind ${JSON.stringify(kind)}: a manifest holds ${SERVED_KINDS.join(', ')}, or a List of them`);
}

function decodeList(object: Located, value: JsonObject, kind: string, origin: string): DecodedManifest {
  const items = field(value, 'items') ?? [];
  const path: FieldPath = ['items'];
  if (!isJsonList(items)) {
    const problem = error(origin, object.lineOf(path), `Invalid value: must be a list, not ${typeName(items)}`);
    return { documents: [], problems: [{ ...problem, path: 'items' }] };
  }
  const decoded = items.map((item, index) =>
    decodeObject({ value: withKind(item, kind), base: [...path, index], lineOf: object.lineOf }, origin, true),
  );
  return { documents: decoded.flatMap((one) => one.documents), problems: decoded.flatMap((one) => one.problems) };
}

/** The items of a typed list need not say what they are. */
function withKind(item: JsonValue, list: string): JsonValue {
  const kind = itemKind(list);
  return kind === '' || !isJsonObject(item) ? item : { apiVersion: versionOf(kind), kind, ...item };
}

const SERVED_KINDS = ['Pod', ...Object.keys(KINDS)];

/** Group and version that a kind is served in. */
function versionOf(kind: string): string {
  return isObjectKind(kind) ? apiVersionOf(kind) : 'v1';
}

function isServed(kind: string): kind is 'Pod' | ObjectKind {
  return kind === 'Pod' || isObjectKind(kind);
}

/** `PodList` is a list of Pods. Any other name gives one that is no kind. */
function itemKind(list: string): string {
  return list.endsWith('List') ? list.slice(0, -'List'.length) : '';
}

function error(origin: string, line: number | undefined, message: string): ManifestProblem {
  return { origin, severity: 'error', message, ...(line === undefined ? {} : { line }) };
}
