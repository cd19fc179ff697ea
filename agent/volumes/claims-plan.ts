import { isSelectedBy } from '../objects/label-requirement.ts';
import { parseQuantity, type Quantity } from '../objects/quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../objects/types.ts';

/*
 * Which PersistentVolume a claim gets where no controller decides it. The rules are the controller's
 * (`pkg/controller/volume/persistentvolume`, `component-helpers/storage/volume/pv_helpers.go` FindMatchingVolume):
 *
 * 1. A volume that names its claim (`claimRef`) is for that one and no other.
 * 2. A claim that names its volume gets that one and no other.
 * 3. All other claims get the smallest volume that is free and fits.
 *
 * A choice by rule 2 or 3 is recorded and stays, also while the claim or the volume is away: data of one claim must never
 * show up under another. An administrator frees a volume by a `claimRef`, as on a cluster.
 */

/** Name of the volume by `namespace/name` of the claim. */
export type ClaimRecords = ReadonlyMap<string, string>;

export interface ClaimBindings {
  /** The volumes of the claims that are bound, by `namespace/name`. */
  readonly volumes: ReadonlyMap<string, PersistentVolume>;
  /** Input of the next run. */
  readonly records: ClaimRecords;
}

/** Binds all claims that can be bound. The order of the lists does not matter. */
export function bindClaims(
  claims: readonly PersistentVolumeClaim[],
  volumes: readonly PersistentVolume[],
  records: ClaimRecords,
): ClaimBindings {
  const bound = new Map<string, PersistentVolume>();
  const chosen = new Map(records);
  for (const claim of claims.toSorted(namedFirst)) {
    const key = claimKey(claim);
    const referring = volumes.filter((volume) => refersTo(volume, claim)).toSorted(bySizeThenName)[0];
    const volume = referring ?? chooseVolume(claim, volumes, chosen);
    if (referring !== undefined) chosen.delete(key);
    else if (volume !== undefined) chosen.set(key, volume.metadata.name);
    if (volume !== undefined) bound.set(key, volume);
  }
  return { volumes: bound, records: chosen };
}

/** What a claim names must not go to one that takes any volume. */
function namedFirst(a: PersistentVolumeClaim, b: PersistentVolumeClaim): number {
  if (isNamed(a) !== isNamed(b)) return isNamed(a) ? -1 : 1;
  return claimKey(a) < claimKey(b) ? -1 : 1;
}

export function claimKey({ metadata }: PersistentVolumeClaim): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function isNamed({ spec }: PersistentVolumeClaim): boolean {
  return (spec?.volumeName ?? '') !== '';
}

function refersTo(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const reference = volume.spec?.claimRef;
  const { name, namespace, uid } = claim.metadata;
  if (reference?.name !== name || reference.namespace !== namespace) return false;
  const isSameClaim = reference.uid === undefined || reference.uid === '' || reference.uid === uid;
  return isSameClaim && isWanted(claim, volume) && hasRoom(claim, volume) && isSameMode(claim, volume);
}

function isWanted(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  return !isNamed(claim) || claim.spec?.volumeName === volume.metadata.name;
}

/** Among the volumes that name no claim. */
function chooseVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  records: ClaimRecords,
): PersistentVolume | undefined {
  const own = volumes.find(({ metadata }) => metadata.name === records.get(claimKey(claim)));
  // Its volume is away. Another one would show the claim's pods an empty directory, and keep them from their data.
  if (own === undefined && records.has(claimKey(claim)) && !isNamed(claim)) return undefined;
  if (own !== undefined && own.spec?.claimRef === undefined && isWanted(claim, own)) return own;
  const taken = new Set([...records].flatMap(([key, name]) => (key === claimKey(claim) ? [] : [name])));
  return volumes
    .filter((volume) => volume.spec?.claimRef === undefined && !taken.has(volume.metadata.name))
    .filter((volume) => isWanted(claim, volume) && satisfies(claim, volume))
    .filter((volume) => isSelectedBy(claim.spec?.selector ?? {}, volume.metadata.labels))
    .toSorted(bySizeThenName)[0];
}

function satisfies(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  const modes = volume.spec?.accessModes ?? [];
  return (
    hasRoom(claim, volume) &&
    isSameMode(claim, volume) &&
    (claim.spec?.storageClassName ?? '') === (volume.spec?.storageClassName ?? '') &&
    (claim.spec?.accessModes ?? []).every((mode) => modes.includes(mode))
  );
}

function hasRoom(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  const wanted = claim.spec?.resources?.requests?.storage;
  return capacity(volume) >= (wanted === undefined ? 0n : (parseQuantity(wanted) ?? 0n));
}

function capacity({ spec }: PersistentVolume): Quantity {
  const storage = spec?.capacity?.storage;
  return storage === undefined ? 0n : (parseQuantity(storage) ?? 0n);
}

function isSameMode(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  return (claim.spec?.volumeMode ?? 'Filesystem') === (volume.spec?.volumeMode ?? 'Filesystem');
}

function bySizeThenName(a: PersistentVolume, b: PersistentVolume): number {
  const [left, right] = [capacity(a), capacity(b)];
  if (left !== right) return left < right ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
