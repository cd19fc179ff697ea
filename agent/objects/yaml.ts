import { Composer, LineCounter, Parser, type CST, type Document, type Tags } from 'yaml';
import type { FieldPath } from './field-path.ts';
import type { JsonValue } from './json.ts';
import { nestedDeeperThan } from './yaml-depth.ts';
import { MAX_DEPTH, toLocatedJson, YamlValueError, type LocatedValue } from './yaml-json.ts';

/** One document of a YAML stream. */
export interface YamlDocument {
  /** 1-based line on which the document's content begins. */
  readonly line: number;
  /** Undefined when the document is no YAML, or no JSON value: `problems` says why. */
  readonly value: JsonValue | undefined;
  readonly problems: readonly YamlProblem[];
  /** 1-based line of a field or list item, or of its nearest ancestor that is in the text. */
  readonly lineOf: (path: FieldPath) => number;
}

interface YamlProblem {
  readonly line: number;
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

/** Enough to repair a document; after the first few, one mistake causes the next. */
const MAX_PROBLEMS = 5;

/**
 * Tags of YAML 1.1 that the Go library of Kubernetes (sigs.k8s.io/yaml) does not have: `12:30` and `2026-01-31` stay text.
 * Merge keys are resolved by `toLocatedJson`.
 */
const FOREIGN_TAGS = new Set(['timestamp', 'binary', 'omap', 'pairs', 'set', 'merge']);

/**
 * Reads a YAML stream as Kubernetes does: YAML 1.1, so that `0644` is octal and `yes` is true. JSON is read too. Never
 * throws: what cannot be read is a problem of its document.
 */
export function parseYaml(text: string): readonly YamlDocument[] {
  const lines = new LineCounter();
  try {
    const tokens = [...new Parser(lines.addNewLine).parse(text)];
    const deep = tokens.find((token) => nestedDeeperThan(token, 2 * MAX_DEPTH));
    if (deep !== undefined)
      return [unreadable(lines.linePos(deep.offset).line, `nested deeper than ${MAX_DEPTH} levels`)];
    return compose(tokens).map((document) => readDocument(document, lines));
  } catch (error) {
    return [unreadable(1, String(error))];
  }
}

function compose(tokens: readonly CST.Token[]): readonly Document.Parsed[] {
  const composer = new Composer({
    version: '1.1',
    customTags: kubernetesTags,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'silent',
  });
  return [...composer.compose(tokens)];
}

function kubernetesTags(tags: Tags): Tags {
  return tags.filter((tag) => {
    if (typeof tag === 'string') return !FOREIGN_TAGS.has(tag);
    const name = tag.tag.slice(tag.tag.lastIndexOf(':') + 1);
    return !FOREIGN_TAGS.has(name) && !('format' in tag && tag.format === 'TIME');
  });
}

function readDocument(document: Document.Parsed, lines: LineCounter): YamlDocument {
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const line = lineAt(document.contents?.range[0] ?? document.range[0]);
  const problems = [
    ...document.errors.map((error) => ({ error, severity: 'error' as const })),
    ...document.warnings.map((error) => ({ error, severity: 'warning' as const })),
  ].map(({ error, severity }) => ({ line: lineAt(error.pos[0]), severity, message: error.message }));
  if (document.directives.yaml.version !== '1.1') {
    return unreadable(line, 'Kubernetes reads YAML 1.1: remove the %YAML directive');
  }
  if (document.errors.length > 0) {
    return { line, value: undefined, problems: problems.slice(0, MAX_PROBLEMS), lineOf: () => line };
  }
  return convertDocument(document, line, problems, lineAt);
}

function convertDocument(
  document: Document.Parsed,
  line: number,
  problems: readonly YamlProblem[],
  lineAt: (offset: number) => number,
): YamlDocument {
  let located: LocatedValue;
  try {
    located = toLocatedJson(document);
  } catch (error) {
    if (!(error instanceof YamlValueError)) throw error;
    return unreadable(error.offset === undefined ? line : lineAt(error.offset), error.message);
  }
  const lineOf = (path: FieldPath): number => lineAt(located.offsetOf(path));
  return { line, value: located.value, problems: problems.slice(0, MAX_PROBLEMS), lineOf };
}

function unreadable(line: number, message: string): YamlDocument {
  return { line, value: undefined, problems: [{ line, severity: 'error', message }], lineOf: () => line };
}
