import type { ApiObject, ObjectPath } from '../api/types.ts';

/** Where an object with a namespace is. */
export function objectPath({ metadata }: ApiObject): ObjectPath {
  return { namespace: metadata.namespace ?? 'default', name: metadata.name };
}

/** `namespace/name`, as `podKey` of a pod. */
export function objectKeyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}
