import { isAlias, isMap, isScalar, isSeq, type Alias, type Document, type Node, type Pair, type YAMLMap } from 'yaml';
import { stepKey, type FieldPath } from './field-path.ts';
import { isJsonList, isJsonObject, typeName, type JsonValue } from './json.ts';

/** Deeper nesting is no Kubernetes object; it also ends an alias that contains itself. */
export const MAX_DEPTH = 64;
/** Nodes that aliases may add to one document: a few lines of aliases of aliases can stand for billions. */
const MAX_ALIAS_NODES = 10_000;

/** A document that is well-formed YAML and yet no JSON value that can be used. */
export class YamlValueError extends Error {
  override readonly name = 'YamlValueError';
  /** Offset in the text. */
  readonly offset: number | undefined;

  constructor(message: string, node: Node | null | undefined) {
    super(message);
    this.offset = node?.range?.[0];
  }
}

/** The JSON value of a YAML document, and where in the text its parts are. */
export interface LocatedValue {
  readonly value: JsonValue;
  /** Offset in the text of the field or list item at `path`, or of its nearest ancestor that is in the text. */
  readonly offsetOf: (path: FieldPath) => number;
}

type Offsets = Map<string | number, number>;

interface Conversion {
  readonly anchors: Map<string, Node>;
  readonly offsets: WeakMap<object, Offsets>;
  aliasNodes: number;
}

/**
 * Turns a parsed document into JSON. Own code instead of `toJS` for four reasons: fields that are null are dropped (in the API
 * they are the same as absent ones), duplicate keys are found in linear time, aliases and depth are bounded, and each part
 * keeps its place in the text.
 *
 * @throws YamlValueError
 */
export function toLocatedJson(document: Document.Parsed): LocatedValue {
  const conversion: Conversion = { anchors: new Map(), offsets: new WeakMap(), aliasNodes: 0 };
  const value = document.contents === null ? null : convert(document.contents, conversion, 0, undefined);
  const start = document.contents?.range[0] ?? document.range[0];
  return { value, offsetOf: (path) => locate(value, path, conversion.offsets, start) };
}

function locate(root: JsonValue, path: FieldPath, offsets: WeakMap<object, Offsets>, start: number): number {
  let value: JsonValue | undefined = root;
  let offset = start;
  for (const step of path) {
    if (!isJsonList(value) && !isJsonObject(value)) break;
    const key = stepKey(step);
    const found = offsets.get(value)?.get(key);
    if (found === undefined) break;
    offset = found;
    value = isJsonList(value) ? value[Number(key)] : value[key];
    if (value === undefined) break;
  }
  return offset;
}

/** @param via the outermost alias that stands where the node counts */
function convert(node: Node | null, conversion: Conversion, depth: number, via: Alias | undefined): JsonValue {
  if (depth > MAX_DEPTH) throw new YamlValueError(`nested deeper than ${MAX_DEPTH} levels`, via ?? node);
  if (via !== undefined && (conversion.aliasNodes += 1) > MAX_ALIAS_NODES) {
    throw new YamlValueError(`aliases stand for more than ${MAX_ALIAS_NODES} values`, via);
  }
  if (isAlias(node)) return convert(resolve(node, conversion), conversion, depth + 1, via ?? node);
  if (node !== null && 'anchor' in node && node.anchor !== undefined && via === undefined)
    conversion.anchors.set(node.anchor, node);
  if (isMap(node)) return convertMap(node, conversion, depth, via);
  if (isSeq(node)) return convertList(node.items as readonly (Node | null)[], conversion, depth, via);
  return convertScalar(node);
}

function resolve(alias: Alias, conversion: Conversion): Node {
  const target = conversion.anchors.get(alias.source);
  if (target === undefined) throw new YamlValueError(`unknown anchor "${alias.source}"`, alias);
  return target;
}

function convertScalar(node: Node | null): JsonValue {
  if (node === null) return null;
  const value: unknown = isScalar(node) ? node.value : undefined;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  // JSON has no -0.
  if (typeof value === 'number' && Number.isFinite(value)) return value + 0;
  throw new YamlValueError(`${typeof value === 'number' ? value : 'this'} is no JSON value`, node);
}

function convertList(
  items: readonly (Node | null)[],
  conversion: Conversion,
  depth: number,
  via: Alias | undefined,
): JsonValue {
  const list = items.map((item) => convert(item, conversion, depth + 1, via));
  conversion.offsets.set(list, new Map(items.map((item, index) => [index, item?.range?.[0] ?? 0])));
  return list;
}

function convertMap(map: YAMLMap, conversion: Conversion, depth: number, via: Alias | undefined): JsonValue {
  const entries = new Map<string, JsonValue>();
  const offsets: Offsets = new Map();
  const merged: JsonValue[] = [];
  for (const pair of map.items as readonly Pair<Node | null, Node | null>[]) {
    const value = (): JsonValue => convert(pair.value, conversion, depth + 1, via);
    if (isMergeKey(pair.key)) {
      merged.push(value());
      continue;
    }
    const key = keyText(pair.key, map);
    if (entries.has(key)) throw new YamlValueError(`duplicate key ${JSON.stringify(key)}`, pair.key);
    offsets.set(key, pair.key?.range?.[0] ?? 0);
    entries.set(key, value());
  }
  for (const source of merged) addMerged(entries, source, map);
  const object = Object.fromEntries([...entries].filter(([, value]) => value !== null));
  conversion.offsets.set(object, offsets);
  return object;
}

/** `<<: *base` (YAML 1.1): the keys of `base`, or of each map in a list, beneath those that the map has itself. */
function addMerged(entries: Map<string, JsonValue>, source: JsonValue, map: YAMLMap): void {
  for (const item of isJsonList(source) ? source : [source]) {
    if (!isJsonObject(item)) throw new YamlValueError(`"<<" merges maps, not ${typeName(item)}`, map);
    for (const [key, value] of Object.entries(item)) if (!entries.has(key)) entries.set(key, value);
  }
}

function isMergeKey(key: Node | null): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

/** Keys that YAML reads as a number or boolean become text, as on the way to JSON in Kubernetes. */
function keyText(key: Node | null, map: YAMLMap): string {
  const value: unknown = isScalar(key) ? key.value : undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new YamlValueError('a key must be text', key ?? map);
}
