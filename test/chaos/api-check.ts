import type { PodReport } from '../lab/index.ts';
import { compare } from './compare.ts';

/*
 * What the API must say when all is at rest: of each pod what the node itself says of it, of each mirror pod its manifest,
 * of the node that it is well, of the controllers that they have what they want.
 */

interface Condition {
  readonly type: string;
  readonly status: string;
}

interface ContainerStatus {
  readonly containerID?: string;
  readonly imageID?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly started?: boolean | null;
  readonly state?: object;
}

/** A Pod as far as it is compared, of the API and of the daemon's report. */
export interface ReportedPod {
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly hostIP?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** A Deployment or a DaemonSet. */
export interface ReportedController {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly generation?: number };
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface ReportedNode {
  readonly spec?: { readonly taints?: readonly { readonly key: string }[] };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export interface Reported {
  readonly node: ReportedNode;
  readonly pods: readonly ReportedPod[];
  readonly controllers: readonly ReportedController[];
}

/** Lines of what the API says and ought not to, and the other way round. */
export function reportDifferences(
  { node, pods, controllers }: Reported,
  reports: readonly PodReport[],
): readonly string[] {
  const own = reports.map(({ pod }) => pod as ReportedPod);
  return [
    ...compare('status in the API of', own.map(describeStatus), pods.map(describeStatus)),
    ...compare('in the API', own.map(describeObject), pods.map(describeObject)),
    ...compare('controller', controllers.map(describeRest), controllers.map(describeController)),
    ...compare('condition of the node', healthy, describeNode(node)),
  ];
}

function describeStatus({ metadata, status }: ReportedPod): string {
  const { phase, podIP, hostIP, conditions = [], containerStatuses = [] } = status ?? {};
  const types = conditions.map(({ type, status }) => `${type}=${status}`).sort();
  const containers = containerStatuses.map(({ containerID, imageID, ready, restartCount, started, state = {} }) =>
    [containerID, imageID, `ready=${ready}`, `started=${started}`, restartCount, ...Object.keys(state)].join(' '),
  );
  return [metadata.name, phase, podIP, hostIP, types.join(','), ...containers].join(' ');
}

const hash = 'kubernetes.io/config.hash';
const mirror = 'kubernetes.io/config.mirror';

/** A static pod is known by its manifest's hash, which its mirror pod bears; another pod by its UID. */
function describeObject({ metadata }: ReportedPod): string {
  const { name, uid = '', annotations = {}, deletionTimestamp } = metadata;
  const hashOfManifest = annotations[mirror] ?? annotations[hash];
  const identity = hashOfManifest === undefined ? `UID ${uid}` : `manifest ${hashOfManifest}`;
  return `${name} of ${identity}${deletionTimestamp === undefined ? '' : ', which goes'}`;
}

const countsOf = {
  Deployment: ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas'],
  DaemonSet: ['desiredNumberScheduled', 'currentNumberScheduled', 'updatedNumberScheduled', 'numberReady'],
};

function countsOfKind(kind: string): readonly string[] {
  return kind === 'Deployment' ? countsOf.Deployment : countsOf.DaemonSet;
}

function describeController({ kind, metadata, status = {} }: ReportedController): string {
  const counts = countsOfKind(kind).map((count) => `${count}=${String(status[count])}`);
  return `${kind} ${metadata.name} of generation ${String(status['observedGeneration'])}: ${counts.join(' ')}`;
}

/** What {@link describeController} says of one that has what it wants: one pod. */
function describeRest({ kind, metadata }: ReportedController): string {
  const counts = Object.fromEntries(countsOfKind(kind).map((count) => [count, 1]));
  return describeController({ kind, metadata, status: { ...counts, observedGeneration: metadata.generation } });
}

const healthy = [
  'DiskPressure=False',
  'MemoryPressure=False',
  'NetworkUnavailable=False',
  'PIDPressure=False',
  'Ready=True',
];

function describeNode({ spec, status }: ReportedNode): readonly string[] {
  const taints = spec?.taints?.map(({ key }) => `taint ${key}`) ?? [];
  return [...(status?.conditions ?? []).map(({ type, status }) => `${type}=${status}`), ...taints];
}
