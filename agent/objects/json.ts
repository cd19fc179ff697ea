/** A value as JSON has it. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJsonList(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The value of an own field; inherited names such as `constructor` do not count. */
export function field(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** JSON text with the keys of every object sorted: equal values give equal text. */
export function canonicalJson(value: JsonValue): string {
  if (isJsonList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${members.join(',')}}`;
}

/** The JSON type of a value, as error messages call it. */
export function typeName(value: JsonValue): string {
  if (value === null) return 'null';
  if (isJsonList(value)) return 'a list';
  if (isJsonObject(value)) return 'an object';
  return typeof value === 'boolean' ? 'a boolean' : `a ${typeof value}`;
}
