import type { ApiObject } from '../api/types.ts';
import { type ObjectKind, type ObjectsByKind, objectKey } from '../objects/types.ts';

type StoredObject = ObjectsByKind[ObjectKind];

/** What an API server last wanted of this node. */
export interface ApiWishes {
  /** As the server sent them. */
  readonly pods: readonly ApiObject[];
  /** What the pods name. */
  readonly objects: readonly StoredObject[];
}

/** Contents of the two files of a checkpoint. */
export interface CheckpointTexts {
  readonly pods: string;
  /** Must not get onto a disk. */
  readonly secrets: string;
}

const version = 1;

/** Secrets are for memory only, all else outlives a restart of the machine. */
export function renderCheckpoint({ pods, objects }: ApiWishes): CheckpointTexts {
  const isSecret = ({ kind }: StoredObject): boolean => kind === 'Secret';
  const others = objects.filter((object) => !isSecret(object));
  return {
    pods: JSON.stringify({ version, pods: pods.map(withoutManagers), objects: others.map(withoutManagers) }),
    secrets: JSON.stringify({ version, objects: objects.filter(isSecret).map(withoutManagers) }),
  };
}

/** Who last wrote which field is most of a small object, and nothing here asks for it. */
function withoutManagers<T extends { readonly metadata: object }>(object: T): T {
  const { managedFields, ...metadata } = object.metadata as { readonly managedFields?: unknown };
  return managedFields === undefined ? object : { ...object, metadata };
}

/**
 * What one file of a checkpoint holds. Entries that are no objects, or pods of another node, are left out.
 *
 * @throws Error when the text is no checkpoint of this version
 */
export function parseCheckpoint(text: string, nodeName: string): ApiWishes {
  const value: unknown = JSON.parse(text);
  if (!isFields(value) || value['version'] !== version) throw new Error('it is no checkpoint of this version');
  const { pods, objects } = value;
  return {
    pods: listOf(pods).filter((object): object is ApiObject => isPodOf(object, nodeName)),
    objects: listOf(objects).filter(isStoredObject),
  };
}

/** Objects by their keys, as `objectReferences` names them. */
export function byKey(objects: readonly StoredObject[]): Map<string, StoredObject> {
  return new Map(
    objects.map((object) => [objectKey(object.kind, object.metadata.namespace, object.metadata.name), object]),
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPodOf(value: unknown, nodeName: string): boolean {
  if (!isFields(value) || !isFields(value['metadata']) || !isFields(value['spec'])) return false;
  const { metadata, spec } = value;
  const isNamed = typeof metadata['name'] === 'string' && typeof metadata['uid'] === 'string';
  return isNamed && spec['nodeName'] === nodeName && Array.isArray(spec['containers']);
}

const kinds: ReadonlySet<unknown> = new Set(['ConfigMap', 'Secret', 'PersistentVolumeClaim', 'PersistentVolume']);

function isStoredObject(value: unknown): value is StoredObject {
  if (!isFields(value) || !kinds.has(value['kind']) || !isFields(value['metadata'])) return false;
  const { name, namespace, uid } = value['metadata'];
  return [name, namespace, uid].every((text) => typeof text === 'string');
}
