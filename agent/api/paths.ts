import type { ObjectPath, Resource, Selection } from './types.ts';

/** Values of a query; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Path of a version of a group: `/api/v1`, `/apis/discovery.k8s.io/v1`. */
export function groupPath(group: string, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** Path of a collection: `/api/v1/namespaces/default/pods`. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const { group, version, plural, namespaced } = resource;
  const scope = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${groupPath(group, version)}${scope}/${plural}`;
}

/** Path of an object or a subresource of it; without a name, of the collection that it is created in. */
export function objectPath(resource: Resource, { namespace, name, subresource }: Partial<ObjectPath>): string {
  const collection = collectionPath(resource, namespace);
  if (name === undefined) return collection;
  const object = `${collection}/${encodeURIComponent(name)}`;
  return subresource === undefined ? object : `${object}/${subresource}`;
}

export function withQuery(path: string, query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}

/** What errors call an object: `pods default/web status`. */
export function describeObject({ plural }: Resource, { namespace, name, subresource }: Partial<ObjectPath>): string {
  const place = [namespace, name].filter((part) => part !== undefined).join('/');
  return [plural, place, subresource].filter((part) => part !== undefined && part !== '').join(' ');
}

/** What errors call a selection: `pods in default with metadata.name=web`. */
export function describeSelection(
  { plural }: Resource,
  { namespace, fieldSelector, labelSelector }: Selection,
): string {
  const selectors = [fieldSelector, labelSelector].filter((selector) => selector !== undefined);
  return [
    plural,
    ...(namespace === undefined ? [] : [`in ${namespace}`]),
    ...(selectors.length === 0 ? [] : [`with ${selectors.join(',')}`]),
  ].join(' ');
}
