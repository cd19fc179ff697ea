import { isDeepStrictEqual } from 'node:util';
import type { NodeStatus } from './render.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Whether the server has to be told: something else than a heartbeat has changed, or the last report is too old
 * (`nodeStatusReportFrequency`) or from the future: the clock was set back.
 */
export function mustReport(
  before: NodeStatus | undefined,
  next: NodeStatus,
  sinceReportMs: number,
  reportMs: number,
): boolean {
  return (
    before === undefined ||
    sinceReportMs < 0 ||
    sinceReportMs >= reportMs ||
    !isDeepStrictEqual(withoutTimes(before), withoutTimes(next))
  );
}

function withoutTimes(status: NodeStatus): Fields {
  const conditions = status.conditions?.map(({ type, status: is, reason, message }) => ({ type, is, reason, message }));
  return { ...pick(status), conditions: conditions?.sort((a, b) => (a.type < b.type ? -1 : 1)) };
}

/** Fields of a node's status that a kubelet owns; others, such as `volumesAttached`, are other components'. */
const owned = ['capacity', 'allocatable', 'addresses', 'daemonEndpoints', 'nodeInfo', 'images'] as const;

function pick(status: NodeStatus): Fields {
  return Object.fromEntries(owned.map((field) => [field, status[field]]));
}

/**
 * With the resources that somebody else has added to the capacity, as administrators do for extended resources: they stay, and all
 * of them can be allocated (`MachineInfo`, pkg/kubelet/nodestatus/setters.go). Huge pages are the node's own, also when it has
 * none of a size any more.
 */
export function withForeignResources(next: NodeStatus, before: NodeStatus | undefined): NodeStatus {
  const own = next.capacity ?? {};
  const foreign = Object.fromEntries(
    Object.entries(before?.capacity ?? {}).filter(([name]) => !(name in own) && !name.startsWith('hugepages-')),
  );
  if (Object.keys(foreign).length === 0) return next;
  return { ...next, capacity: { ...own, ...foreign }, allocatable: { ...next.allocatable, ...foreign } };
}

/** The strategic merge patch of a node's status (`nodeutil.PatchNodeStatus`): what has changed, and the conditions. */
export function nodeStatusPatch(before: NodeStatus | undefined, next: NodeStatus): object {
  const changed = owned.filter((field) => !isDeepStrictEqual(before?.[field], next[field]));
  const fields = changed.map((field) => [field, fieldPatch(field, before, next)] as const);
  return { status: { conditions: next.conditions ?? [], ...Object.fromEntries(fields) } };
}

/** Addresses would be united by their type and are therefore replaced; resources would stay, so those that are gone are named. */
function fieldPatch(field: (typeof owned)[number], before: NodeStatus | undefined, next: NodeStatus): unknown {
  if (next[field] === undefined) return undefined;
  if (field === 'addresses') return [{ $patch: 'replace' }, ...(next.addresses ?? [])];
  if (field === 'capacity' || field === 'allocatable')
    return { ...goneFrom(before?.[field], next[field]), ...next[field] };
  return next[field];
}

const goneFrom = (before: object = {}, next: object = {}): Fields =>
  Object.fromEntries(Object.keys(before).flatMap((name) => (name in next ? [] : [[name, null]])));

/** Labels that a kubelet keeps as they are on a node that exists (`updateDefaultLabels`, pkg/kubelet/kubelet_node_status.go). */
const defaultLabels = [
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
];

/** What a node that is there already lacks of what it registers with; undefined for nothing. Taints are left alone. */
export function adoptionPatch(
  labels: Readonly<Record<string, string>>,
  existing: Readonly<Record<string, string>> | undefined,
): object | undefined {
  const changed = Object.entries(labels).filter(
    ([name, value]) => defaultLabels.includes(name) && existing?.[name] !== value,
  );
  return changed.length === 0 ? undefined : { metadata: { labels: Object.fromEntries(changed) } };
}
