import { isNotFound } from '../../api/errors.ts';
import type { ApiClient, ObjectPath, Resource } from '../../api/types.ts';
import { type NewObject, rbacGroup } from './make-render.ts';

const rbac = (plural: string, namespaced: boolean): Resource => ({
  ...{ group: rbacGroup, version: 'v1', plural, namespaced },
});
const core = (plural: string): Resource => ({ group: '', version: 'v1', plural, namespaced: true });

/** The collections of the kinds that a new cluster gets. */
const collections: Readonly<Record<string, Resource>> = {
  ClusterRole: rbac('clusterroles', false),
  ClusterRoleBinding: rbac('clusterrolebindings', false),
  Role: rbac('roles', true),
  RoleBinding: rbac('rolebindings', true),
  ConfigMap: core('configmaps'),
  Secret: core('secrets'),
  Service: core('services'),
  ServiceAccount: core('serviceaccounts'),
  Deployment: { group: 'apps', version: 'v1', plural: 'deployments', namespaced: true },
};

export interface ApplyOptions {
  /** Leave objects alone that exist: their users may have changed them. */
  readonly keepExisting?: boolean;
}

/** Creates objects, or brings those that exist to what is wanted. May be repeated. */
export async function applyObjects(
  api: ApiClient,
  objects: readonly NewObject[],
  { keepExisting = false }: ApplyOptions,
  signal: AbortSignal,
): Promise<void> {
  for (const object of objects) {
    const { resource, path } = placeOf(object);
    if (!(await exists(api, resource, path, signal))) await api.create(resource, path, object, signal);
    else if (!keepExisting) {
      await api.patch(resource, path, { type: 'application/merge-patch+json', body: object }, signal);
    }
  }
}

/** Asked before: a Service that exists is refused for its address, which is taken, and not for its name. */
async function exists(api: ApiClient, resource: Resource, path: ObjectPath, signal: AbortSignal): Promise<boolean> {
  try {
    await api.get(resource, path, signal);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

function placeOf({ kind, metadata: { name, namespace } }: NewObject): {
  readonly resource: Resource;
  readonly path: ObjectPath;
} {
  const resource = collections[kind];
  if (resource === undefined) throw new Error(`no collection is known of objects of kind ${kind}`);
  return { resource, path: namespace === undefined ? { name } : { name, namespace } };
}
