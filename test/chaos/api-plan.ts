import { labelsOf, podName, podObject, serviceObject, type ChaosObject } from './objects.ts';
import type { Wanted } from './plan.ts';

/*
 * What of the wanted pods and Services is to be written to the API, given what is there. Pods come to the node in all the
 * ways there are.
 */

/** `static`: a manifest on the node. `bound`: a Pod that names the node. `scheduled`: a Pod that does not. */
export type PodWay = 'static' | 'bound' | 'scheduled' | 'Deployment' | 'DaemonSet';

const ways: readonly PodWay[] = ['bound', 'Deployment', 'static', 'scheduled', 'DaemonSet'];

/** The steady pods are of all ways, and the others too: see `isSteady`. */
export function wayOf(pod: number): PodWay {
  return ways[Math.floor(pod / 3) % ways.length] ?? 'bound';
}

/** On what is written here itself, and not on what controllers make of it. */
export const ownLabel = { 'podwright-test/chaos': 'own' };
const revisionLabel = 'podwright-test/revision';

/** An object of the API with {@link ownLabel}. */
export interface OwnObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
}

export interface Steps {
  /** As kubectl takes them: `Pod/p1`. */
  readonly remove: readonly string[];
  readonly write: readonly ChaosObject[];
  /** Objects that must go before others of their name can be written. */
  readonly going: readonly string[];
}

/** A pod of another revision is deleted and made anew, as most of it cannot be changed; the other kinds can. */
export function stepsTo(wanted: Wanted, there: readonly OwnObject[], node: string): Steps {
  const objects = new Map(ownObjects(wanted, node).map((object) => [keyOf(object), object]));
  const found = new Map(there.map((object) => [keyOf(object), object]));
  const isDue = (object: OwnObject): boolean => {
    const target = objects.get(keyOf(object));
    return target === undefined || (object.kind === 'Pod' && revisionOf(target) !== revisionOf(object));
  };
  const isGoing = ({ metadata }: OwnObject): boolean => metadata.deletionTimestamp !== undefined;
  return {
    remove: there.filter((object) => isDue(object) && !isGoing(object)).map(keyOf),
    write: [...objects].flatMap(([key, object]) => {
      const present = found.get(key);
      if (present === undefined) return [object];
      return object.kind === 'Pod' || revisionOf(present) === revisionOf(object) ? [] : [object];
    }),
    going: there.filter((object) => isGoing(object) || isDue(object)).map(keyOf),
  };
}

/** Whether all is as wanted. */
export function isDone({ remove, write, going }: Steps): boolean {
  return remove.length + write.length + going.length === 0;
}

/** What the API is to have of the wanted, static pods not among it. */
function ownObjects(wanted: Wanted, node: string): readonly ChaosObject[] {
  const { revisions, services } = wanted;
  return [
    ...revisions.flatMap((revision, pod) =>
      revision > 0 && wayOf(pod) !== 'static' ? [ownPod(pod, revision, revisions.length, node)] : [],
    ),
    ...services.flatMap((there, service) => (there ? [mark(serviceObject(service), 0)] : [])),
  ];
}

function ownPod(pod: number, revision: number, pods: number, node: string): ChaosObject {
  const object = podObject(pod, revision, pods);
  const way = wayOf(pod);
  if (way === 'scheduled') return mark(object, revision);
  if (way === 'bound') return mark({ ...object, spec: { ...object.spec, nodeName: node } }, revision);
  const matchLabels = { pod: podName(pod) };
  const template = { metadata: { labels: { ...labelsOf(pod, pods), ...matchLabels } }, spec: object.spec };
  const ofDeployment = way === 'Deployment' ? { replicas: 1 } : {};
  const spec = { ...ofDeployment, revisionHistoryLimit: 0, selector: { matchLabels }, template };
  return mark({ apiVersion: 'apps/v1', kind: way, metadata: { name: podName(pod) }, spec }, revision);
}

function mark(object: ChaosObject, revision: number): ChaosObject {
  const labels = { ...object.metadata.labels, ...ownLabel, [revisionLabel]: String(revision) };
  return { ...object, metadata: { ...object.metadata, labels } };
}

function revisionOf({ metadata }: Pick<OwnObject, 'metadata'>): string | undefined {
  return metadata.labels?.[revisionLabel];
}

function keyOf({ kind, metadata }: OwnObject): string {
  return `${kind}/${metadata.name}`;
}
