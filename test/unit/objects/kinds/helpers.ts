import type { ObjectKind, ObjectsByKind } from '../../../../agent/objects/types.ts';
import { load } from '../helpers.ts';

/** The one object of a manifest, when it is valid. */
export function only<K extends ObjectKind>(kind: K, text: string): ObjectsByKind[K] | undefined {
  const { objects } = load(text);
  const object = objects[0]?.object;
  return objects.length === 1 && object !== undefined && isKind(kind, object) ? object : undefined;
}

function isKind<K extends ObjectKind>(kind: K, object: ObjectsByKind[ObjectKind]): object is ObjectsByKind[K] {
  return object.kind === kind;
}

/** A manifest of one object, with `fields` after its metadata. */
export function manifest(kind: ObjectKind, fields: string, metadata = '{name: one}'): string {
  return `apiVersion: v1\nkind: ${kind}\nmetadata: ${metadata}\n${fields}\n`;
}
