/** An object of the API, as it is sent. */
export interface NewObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface Subject {
  readonly kind: 'Group' | 'User' | 'ServiceAccount';
  readonly name: string;
  readonly namespace?: string;
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export const rbacGroup = 'rbac.authorization.k8s.io';
const rbac = `${rbacGroup}/v1`;

export const group = (name: string): Subject => ({ kind: 'Group', name });

export const bootstrappersGroup = 'system:bootstrappers:kubeadm:default-node-token';
export const bootstrappers = group(bootstrappersGroup);
export const nodes = group('system:nodes');

export function configMap(namespace: string, name: string, data: Readonly<Record<string, string>>): NewObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

export function serviceAccount(namespace: string, name: string): NewObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
}

export function clusterRole(name: string, rules: readonly Rule[]): NewObject {
  return { apiVersion: rbac, kind: 'ClusterRole', metadata: { name }, rules };
}

export function clusterRoleBinding(name: string, role: string, subjects: readonly Subject[]): NewObject {
  const roleRef = { apiGroup: rbacGroup, kind: 'ClusterRole', name: role };
  return {
    apiVersion: rbac,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef,
    subjects: subjects.map(withGroup),
  };
}

/** A role that allows to read one ConfigMap, and a binding of the same name. */
export function readableConfigMap(
  namespace: string,
  map: string,
  name: string,
  subjects: readonly Subject[],
): readonly NewObject[] {
  const metadata = { name, namespace };
  const rules = [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [map], verbs: ['get'] }];
  const roleRef = { apiGroup: rbacGroup, kind: 'Role', name };
  return [
    { apiVersion: rbac, kind: 'Role', metadata, rules },
    { apiVersion: rbac, kind: 'RoleBinding', metadata, roleRef, subjects: subjects.map(withGroup) },
  ];
}

const withGroup = (subject: Subject): object =>
  subject.kind === 'ServiceAccount' ? subject : { ...subject, apiGroup: rbacGroup };
