import { collectionPath, describeObject, describeSelection, objectPath, type Query } from './paths.ts';
import type { Call } from './transport.ts';
import type { DeleteOptions, ObjectPath, PatchType, Resource, Selection } from './types.ts';

/* The requests of the API's verbs (kubernetes.io/docs/reference/using-api/api-concepts). */

const json = (body: object): NonNullable<Call['body']> => ({ type: 'application/json', text: JSON.stringify(body) });

export function getCall(resource: Resource, path: ObjectPath): Call {
  return { what: `get ${describeObject(resource, path)}`, method: 'GET', path: objectPath(resource, path) };
}

export function createCall(resource: Resource, path: Partial<ObjectPath>, body: object): Call {
  const { namespace, name, subresource } = path;
  const place = subresource === undefined ? { ...(namespace === undefined ? {} : { namespace }) } : path;
  return {
    what: `create ${describeObject(resource, { ...place, name: name ?? nameIn(body) })}`,
    method: 'POST',
    path: objectPath(resource, place),
    body: json(body),
  };
}

/** For errors; an object whose name the server makes has none yet. */
function nameIn(body: object): string {
  const { metadata } = body as { readonly metadata?: { readonly name?: string; readonly generateName?: string } };
  return metadata?.name ?? metadata?.generateName ?? '';
}

export function replaceCall(resource: Resource, path: ObjectPath, body: object): Call {
  return {
    what: `replace ${describeObject(resource, path)}`,
    method: 'PUT',
    path: objectPath(resource, path),
    body: json(body),
  };
}

export interface Patch {
  readonly type: PatchType;
  readonly body: unknown;
  readonly fieldManager?: string;
}

export function patchCall(resource: Resource, path: ObjectPath, { type, body, fieldManager }: Patch): Call {
  return {
    what: `patch ${describeObject(resource, path)}`,
    method: 'PATCH',
    path: objectPath(resource, path),
    query: { fieldManager },
    body: { type, text: JSON.stringify(body) },
  };
}

export function deleteCall(resource: Resource, path: ObjectPath, options: DeleteOptions): Call {
  return {
    what: `delete ${describeObject(resource, path)}`,
    method: 'DELETE',
    path: objectPath(resource, path),
    body: json({ kind: 'DeleteOptions', apiVersion: 'v1', ...options }),
  };
}

export function listCall(resource: Resource, selection: Selection, query: Query): Call {
  return {
    what: `list ${describeSelection(resource, selection)}`,
    method: 'GET',
    path: collectionPath(resource, selection.namespace),
    query: { ...selectors(selection), ...query },
  };
}

export function watchCall(
  resource: Resource,
  selection: Selection,
  { resourceVersion, timeoutSeconds }: { readonly resourceVersion: string; readonly timeoutSeconds: number },
): Call {
  return {
    what: `watch ${describeSelection(resource, selection)}`,
    method: 'GET',
    path: collectionPath(resource, selection.namespace),
    query: { ...selectors(selection), watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds },
  };
}

function selectors({ fieldSelector, labelSelector }: Selection): Query {
  return { fieldSelector, labelSelector };
}
