import { type ApiObject, type Resource, resources } from '../api/types.ts';
import { objectReferences } from '../objects/references.ts';
import {
  objectKey,
  type ObjectKind,
  type ObjectsByKind,
  type PersistentVolumeClaim,
  type Pod,
} from '../objects/types.ts';
import { byKey } from './api-checkpoint-plan.ts';
import { type AskedObject, askForObject, type ObjectDeps, type ObjectListener, watchObject } from './api-object.ts';

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
  /** UIDs of the pods that name it. */
  pods: ReadonlySet<string>;
  readonly controller: AbortController;
  readonly asked: AskedObject | undefined;
  readonly running: Promise<unknown>;
}

/**
 * As the kubelet's `watchBasedManager` (pkg/kubelet/util/manager/watch_based_manager.go): a node may only read single objects that
 * its pods name (the Node authorizer), so each has a watch by its name. Claims and volumes it may only get.
 *
 * @param onChange called when one of them appears, changes, goes, or was looked for the first time
 */
export function createReferencedObjects(deps: ObjectDeps, onChange: () => void): ReferencedObjects {
  const followed = new Map<string, Followed>();
  let former = new Map<string, StoredObject>();

  const start = (key: string, pods: ReadonlySet<string>): void => {
    const [kind = '', namespace = '', name = ''] = key.split('/');
    const controller = new AbortController();
    const subject = {
      resource: resourceOf[kind as ReferencedKind],
      path: { name, ...(namespace === '' ? {} : { namespace }) },
    };
    const answered = (change: Partial<Followed>): void => {
      const entry = followed.get(key);
      if (entry === undefined || controller.signal.aborted) return;
      Object.assign(entry, change, { isKnown: true });
      onChange();
    };
    const listener: ObjectListener = {
      found: (object) =>
        answered({ object: object === undefined ? undefined : toObject(kind as ReferencedKind, object) }),
      refused: () => answered({}),
    };
    const isSettled = settled[kind];
    const asked = isSettled === undefined ? undefined : askForObject(deps, subject, listener, isSettled);
    const run = asked?.run(controller.signal) ?? watchObject(deps, subject, listener, controller.signal);
    const running = run.catch(() => undefined);
    followed.set(key, { object: former.get(key), isKnown: false, pods, controller, asked, running });
    former.delete(key);
  };
  const take = (key: string, pods: ReadonlySet<string>): void => {
    const entry = followed.get(key);
    if (entry === undefined) return start(key, pods);
    const before = entry.pods;
    entry.pods = pods;
    if (entry.asked === undefined || [...pods].every((uid) => before.has(uid))) return;
    // It may be another one under the same name.
    entry.isKnown = false;
    entry.asked.askAgain();
  };
  /** Keys, and the UIDs of the pods that name them. */
  const namesOf = (all: readonly Pod[]): ReadonlyMap<string, ReadonlySet<string>> => {
    const named = new Map<string, Set<string>>();
    const add = (key: string, uids: Iterable<string>): void => {
      const known = named.get(key) ?? new Set();
      for (const uid of uids) known.add(uid);
      named.set(key, known);
    };
    for (const pod of all) for (const key of objectReferences(pod)) add(key, [pod.metadata.uid]);
    for (const [key, { object }] of followed) {
      const volume = object?.kind === 'PersistentVolumeClaim' ? object.spec?.volumeName : undefined;
      const pods = named.get(key);
      if (volume && pods !== undefined) add(objectKey('PersistentVolume', '', volume), pods);
    }
    return named;
  };

  return {
    watch: (pods) => {
      const wanted = namesOf(pods);
      for (const [key, { controller }] of followed) {
        if (wanted.has(key)) continue;
        controller.abort(new Error('no pod names it any more'));
        followed.delete(key);
      }
      for (const [key, uids] of wanted) take(key, uids);
      // The volume of a claim that was restored just now.
      for (const [key, uids] of namesOf(pods)) take(key, uids);
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

/** When an object of a kind that cannot be watched stays as it is: a claim is bound once and for all. */
const settled: Readonly<Partial<Record<string, (object: ApiObject) => boolean>>> = {
  PersistentVolumeClaim: (object) => Boolean((object as Partial<PersistentVolumeClaim>).spec?.volumeName),
  PersistentVolume: () => true,
};

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
