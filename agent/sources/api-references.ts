import { ApiStatusError, isForbidden, isNotFound } from '../api/errors.ts';
import { type ApiClient, type ApiObject, type Resource, resources } from '../api/types.ts';
import { objectReferences } from '../objects/references.ts';
import { objectKey, type ObjectKind, type ObjectsByKind, type Pod } from '../objects/types.ts';
import { byKey } from './api-checkpoint-plan.ts';

type ReferencedKind = 'ConfigMap' | 'Secret' | 'PersistentVolumeClaim' | 'PersistentVolume';
type StoredObject = ObjectsByKind[ObjectKind];

const resourceOf: Readonly<Record<ReferencedKind, Resource>> = {
  ConfigMap: resources.configMaps,
  Secret: resources.secrets,
  PersistentVolumeClaim: resources.persistentVolumeClaims,
  PersistentVolume: resources.persistentVolumes,
};

/** Objects that pods of this node refer to, each followed on its own and only as long as a pod names it. */
export interface ReferencedObjects {
  /** Follows what these pods name, and nothing else. */
  watch(pods: readonly Pod[]): void;
  /** What was known before: it stands for an object until that was looked for. */
  restore(objects: readonly StoredObject[]): void;
  /** Whether all that a pod names has been looked for; an object that is not there counts. */
  isKnown(pod: Pod): boolean;
  objects(): readonly StoredObject[];
  stop(): Promise<void>;
}

interface Followed {
  object: StoredObject | undefined;
  isKnown: boolean;
  readonly controller: AbortController;
  readonly running: Promise<void>;
}

/**
 * As the kubelet's `watchBasedManager` (pkg/kubelet/util/manager/watch_based_manager.go): a node may only read single objects that
 * its pods name (the Node authorizer), so each has a watch by its name.
 *
 * @param onChange called when one of them appears, changes, goes, or was looked for the first time
 */
export function createReferencedObjects(
  client: ApiClient,
  onChange: () => void,
  log: { warn(fields: object, message: string): void },
): ReferencedObjects {
  const followed = new Map<string, Followed>();
  let former = new Map<string, StoredObject>();

  const start = (key: string): void => {
    const [kind = '', namespace = '', name = ''] = key.split('/');
    const resource = resourceOf[kind as ReferencedKind];
    const controller = new AbortController();
    const answered = (): void => {
      const entry = followed.get(key);
      if (entry === undefined || controller.signal.aborted) return;
      entry.isKnown = true;
      onChange();
    };
    const put = (object: ApiObject | undefined): void => {
      const entry = followed.get(key);
      if (entry === undefined || controller.signal.aborted) return;
      entry.object = object === undefined ? undefined : toObject(kind as ReferencedKind, object);
      answered();
    };
    // The first list is what the server has in memory, which is behind where a pod came right after what it names.
    const confirm = async (): Promise<void> => {
      const path = { name, ...(namespace === '' ? {} : { namespace }) };
      const object = await client.get(resource, path, controller.signal).catch(() => undefined);
      if (followed.get(key)?.isKnown === false) put(object);
    };
    const handler = {
      listed: ([object]: readonly ApiObject[]): void => {
        if (object !== undefined || followed.get(key)?.isKnown === true) put(object);
        else void confirm();
      },
      applied: put,
      deleted: (): void => put(undefined),
      lost: (error: unknown, failures: number): void => {
        // That the server is away is told once, not for each object.
        if (failures === 1 && error instanceof ApiStatusError)
          log.warn({ err: error, kind, namespace, name }, 'an object that a pod names cannot be read');
        // Nothing is gained by waiting: the pod says what it lacks. A server that has just started may refuse what it gave before.
        if (isForbidden(error) || isNotFound(error)) answered();
      },
    };
    const selection = { ...(namespace === '' ? {} : { namespace }), fieldSelector: `metadata.name=${name}` };
    const running = client.follow(resource, selection, handler, controller.signal).catch(() => undefined);
    followed.set(key, { object: former.get(key), isKnown: false, controller, running });
    former.delete(key);
  };

  const keysOf = (pods: readonly Pod[]): ReadonlySet<string> => {
    const named = new Set(pods.flatMap((pod) => [...objectReferences(pod)]));
    for (const { object } of followed.values()) {
      const volume = object?.kind === 'PersistentVolumeClaim' ? object.spec?.volumeName : undefined;
      if (volume) named.add(objectKey('PersistentVolume', '', volume));
    }
    return named;
  };

  return {
    watch: (pods) => {
      const wanted = keysOf(pods);
      for (const [key, { controller }] of followed) {
        if (wanted.has(key)) continue;
        controller.abort(new Error('no pod names it any more'));
        followed.delete(key);
      }
      for (const key of wanted) if (!followed.has(key)) start(key);
      // The volume of a claim that was restored just now.
      for (const key of keysOf(pods)) if (!followed.has(key)) start(key);
    },
    restore: (objects) => {
      former = byKey(objects);
    },
    isKnown: (pod) => [...objectReferences(pod)].every((key) => followed.get(key)?.isKnown === true),
    objects: () => [...followed.values()].flatMap(({ object }) => object ?? []),
    stop: async () => {
      for (const { controller } of followed.values()) controller.abort(new Error('the daemon stops'));
      await Promise.all([...followed.values()].map(({ running }) => running));
    },
  };
}

/** The server validates and defaults; only what it may leave out is filled in. */
function toObject(kind: ReferencedKind, object: ApiObject): StoredObject {
  const { metadata } = object;
  return {
    ...object,
    apiVersion: 'v1',
    kind,
    metadata: {
      ...metadata,
      namespace: metadata.namespace ?? '',
      uid: metadata.uid ?? '',
      labels: metadata.labels ?? {},
      annotations: metadata.annotations ?? {},
    },
  };
}
