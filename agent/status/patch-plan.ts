import { isDeepStrictEqual } from 'node:util';
import { isOwnCondition } from '../objects/pod-conditions.ts';
import type { PodCondition, PodStatus } from '../objects/types.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The strategic merge patch that makes of the status which an API server has the one that this node found (kubelet:
 * `statusutil.PatchPodStatus`); undefined when there is nothing to change. Conditions of others stay as they are, and so does every
 * field that podwright does not write.
 *
 * @param uid of the object: a patch must not hit another pod of the same name
 * @param written by this node before: fields that it leaves out now are removed, those of others are not; so are all conditions
 *   that only a node writes and that this one does not tell
 */
export function statusPatch(
  uid: string,
  current: Fields | undefined,
  wanted: PodStatus,
  written: PodStatus | undefined,
): object | undefined {
  const patch: Record<string, unknown> = {};
  const desired = wanted as unknown as Fields;
  for (const [field, value] of Object.entries(desired)) {
    if (field === 'conditions' || isDeepStrictEqual(current?.[field], value)) continue;
    patch[field] = mergedByKey.has(field) ? [{ $patch: 'replace' }, ...(value as readonly unknown[])] : value;
  }
  for (const field of removable) {
    const isOurs = (written as unknown as Fields | undefined)?.[field] !== undefined;
    if (isOurs && desired[field] === undefined && current?.[field] !== undefined) patch[field] = null;
  }
  const conditions = changedConditions(current?.['conditions'], (wanted.conditions ?? []).filter(isOwnCondition));
  if (conditions.length > 0) patch['conditions'] = conditions;
  return Object.keys(patch).length === 0 ? undefined : { metadata: { uid }, status: patch };
}

/** Lists that a strategic merge would unite by a key: what is gone from them has to go (`+patchStrategy=merge`). */
const mergedByKey: ReadonlySet<string> = new Set(['podIPs', 'hostIPs']);

/** Fields that a status may lose. */
const removable = [
  'reason',
  'message',
  'podIP',
  'podIPs',
  'initContainerStatuses',
  'ephemeralContainerStatuses',
  'containerStatuses',
] as const;

/** An earlier daemon may have written what is not wanted any more: all that only a node writes goes. */
function changedConditions(current: unknown, wanted: readonly PodCondition[]): readonly object[] {
  const known = new Map((Array.isArray(current) ? (current as PodCondition[]) : []).map((one) => [one.type, one]));
  const changed = wanted.filter((condition) => !isSame(known.get(condition.type), condition));
  const types = new Set(wanted.map(({ type }) => type));
  const gone = [...known.values()].filter((one) => isOwnCondition(one) && !types.has(one.type));
  return [
    ...changed.map((condition) => withNulls(known.get(condition.type), condition)),
    ...gone.map(({ type }) => ({ $patch: 'delete', type })),
  ];
}

function isSame(current: PodCondition | undefined, wanted: PodCondition): boolean {
  if (current === undefined) return false;
  return conditionFields.every((field) => (current[field] ?? undefined) === (wanted[field] ?? undefined));
}

/** A merge keeps what is not named: a reason that is over has to be taken away. */
function withNulls(current: PodCondition | undefined, wanted: PodCondition): object {
  const nulls = conditionFields.filter((field) => current?.[field] != null && wanted[field] === undefined);
  return { ...wanted, ...Object.fromEntries(nulls.map((field) => [field, null])) };
}

const conditionFields = ['status', 'reason', 'message', 'lastTransitionTime', 'observedGeneration'] as const;
