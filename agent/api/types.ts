/** Which collection of the API an object lives in. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower case, as in the path: `pods`. */
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Metadata of any object, the part that every caller may read. */
export interface ApiMetadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  [field: string]: unknown;
}

/** An object as the server sent it: the decoded JSON itself, so that fields which podwright does not know are never lost. */
export interface ApiObject {
  apiVersion?: string;
  kind?: string;
  metadata: ApiMetadata;
  [field: string]: unknown;
}

/** Where one object is. */
export interface ObjectPath {
  /** Left out for what has no namespace. */
  readonly namespace?: string;
  readonly name: string;
  /** `status`, `token`, `eviction`, `binding`, … */
  readonly subresource?: string;
}

export interface Selection {
  /** Left out: all namespaces. */
  readonly namespace?: string;
  /** As `metadata.name=x`. */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export type PatchType =
  | 'application/strategic-merge-patch+json'
  | 'application/merge-patch+json'
  | 'application/json-patch+json'
  | 'application/apply-patch+yaml';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
}

export interface ApiList<T extends ApiObject = ApiObject> {
  readonly items: readonly T[];
  /** What a watch begins from. */
  readonly resourceVersion: string;
}

/**
 * The API server. Every call has a deadline of its own besides its signal, waits for no retry, and rejects with
 *
 * - {@link ApiStatusError} when the server answered with something else than success,
 * - {@link ApiUnavailableError} when it did not answer,
 * - the signal's reason when that is aborted.
 */
export interface ApiClient {
  get<T extends ApiObject = ApiObject>(resource: Resource, path: ObjectPath, signal: AbortSignal): Promise<T>;
  /** All pages of a list. */
  list<T extends ApiObject = ApiObject>(
    resource: Resource,
    selection: Selection,
    signal: AbortSignal,
  ): Promise<ApiList<T>>;
  /** @param path its `name` is only used with a subresource */
  create<T extends ApiObject = ApiObject>(
    resource: Resource,
    path: Partial<ObjectPath>,
    body: object,
    signal: AbortSignal,
  ): Promise<T>;
  /** PUT: fails with a conflict when `body` has an old `resourceVersion`. */
  replace<T extends ApiObject = ApiObject>(
    resource: Resource,
    path: ObjectPath,
    body: object,
    signal: AbortSignal,
  ): Promise<T>;
  patch<T extends ApiObject = ApiObject>(
    resource: Resource,
    path: ObjectPath,
    patch: { readonly type: PatchType; readonly body: unknown; readonly fieldManager?: string },
    signal: AbortSignal,
  ): Promise<T>;
  delete(resource: Resource, path: ObjectPath, options: DeleteOptions, signal: AbortSignal): Promise<void>;
  /**
   * Keeps `handler` up to date with a selection until `signal` is aborted: list, then watch with bookmarks; reconnects with a
   * jittered back-off, continues from the last resource version, and lists anew when that is too old or the server is another.
   * Rejects only with the signal's reason.
   */
  follow<T extends ApiObject = ApiObject>(
    resource: Resource,
    selection: Selection,
    handler: FollowHandler<T>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Whether the server serves a version of a group, e.g. `discovery.k8s.io/v1`; asked once and kept until it is lost. */
  serves(groupVersion: string, plural: string, signal: AbortSignal): Promise<boolean>;
  /** `GET` of any other path, e.g. `/version` or `/healthz`, as text. */
  raw(path: string, signal: AbortSignal): Promise<string>;
}

/** What happens to a selection of objects. Calls are in order and never overlap; a handler must not throw. */
export interface FollowHandler<T extends ApiObject = ApiObject> {
  /** The whole selection, as just listed: what is not in it is gone. */
  listed(items: readonly T[]): void;
  /** One object is new or has changed. */
  applied(object: T): void;
  /** One object is gone; its last known form. */
  deleted(object: T): void;
  /** The server was lost (with the reason) or cannot be reached for the `failures`th time in a row. */
  lost?(error: unknown, failures: number): void;
}

/** Groups and versions that the node uses. */
export const resources = {
  pods: { group: '', version: 'v1', plural: 'pods', namespaced: true },
  nodes: { group: '', version: 'v1', plural: 'nodes', namespaced: false },
  services: { group: '', version: 'v1', plural: 'services', namespaced: true },
  endpoints: { group: '', version: 'v1', plural: 'endpoints', namespaced: true },
  configMaps: { group: '', version: 'v1', plural: 'configmaps', namespaced: true },
  secrets: { group: '', version: 'v1', plural: 'secrets', namespaced: true },
  events: { group: '', version: 'v1', plural: 'events', namespaced: true },
  serviceAccounts: { group: '', version: 'v1', plural: 'serviceaccounts', namespaced: true },
  persistentVolumes: { group: '', version: 'v1', plural: 'persistentvolumes', namespaced: false },
  persistentVolumeClaims: { group: '', version: 'v1', plural: 'persistentvolumeclaims', namespaced: true },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespaced: true },
  certificateSigningRequests: {
    group: 'certificates.k8s.io',
    version: 'v1',
    plural: 'certificatesigningrequests',
    namespaced: false,
  },
  clusterTrustBundles: {
    group: 'certificates.k8s.io',
    version: 'v1',
    plural: 'clustertrustbundles',
    namespaced: false,
  },
  tokenReviews: { group: 'authentication.k8s.io', version: 'v1', plural: 'tokenreviews', namespaced: false },
  subjectAccessReviews: {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'subjectaccessreviews',
    namespaced: false,
  },
  endpointSlices: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespaced: true },
  endpointSlicesBeta: { group: 'discovery.k8s.io', version: 'v1beta1', plural: 'endpointslices', namespaced: true },
  runtimeClasses: { group: 'node.k8s.io', version: 'v1', plural: 'runtimeclasses', namespaced: false },
} as const satisfies Readonly<Record<string, Resource>>;
