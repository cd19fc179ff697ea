import { Random } from '../fuzz/random.ts';

/** What a user changes. Revision 0 of a pod: its manifest is removed. */
export type Change =
  | { readonly kind: 'pod'; readonly pod: number; readonly revision: number }
  | { readonly kind: 'service'; readonly service: number; readonly there: boolean };

export type Fault = HostFault | ControlPlaneFault;

export type HostFault =
  | { readonly kind: 'daemon is killed' }
  | { readonly kind: 'daemon is stopped' }
  | { readonly kind: 'Docker is killed' }
  | { readonly kind: 'Docker is stopped' }
  | { readonly kind: 'link of the host is cut' }
  | { readonly kind: 'link of a pod is cut'; readonly pod: number }
  | { readonly kind: 'disk is full' }
  | { readonly kind: 'clock jumps'; readonly offsetMs: number };

/** Only a cluster has them. */
export type ControlPlaneFault =
  | { readonly kind: 'API server is killed' }
  | { readonly kind: 'API server is stopped' }
  | { readonly kind: 'etcd is killed' }
  | { readonly kind: 'link of the control plane is cut' }
  | { readonly kind: 'certificate of the API server is renewed' }
  | { readonly kind: 'controllers are killed' };

type FaultKind = Fault['kind'];

/** Changes just before a fault and while it lasts. */
export interface Round {
  readonly before: readonly Change[];
  readonly fault: Fault;
  readonly during: readonly Change[];
  /** How long the fault lasts after the changes. */
  readonly holdMs: number;
  /** Time without a fault, mostly too short for the node to come to rest. */
  readonly pauseMs: number;
}

export interface Phase {
  readonly rounds: readonly Round[];
  /** What is wanted after the rounds: some pods and Services are absent. */
  readonly wanted: Wanted;
  /** Brings back what the rounds left absent. */
  readonly restore: readonly Change[];
  readonly restored: Wanted;
}

export interface Wanted {
  /** The revision of every pod, 0 when it is not wanted. */
  readonly revisions: readonly number[];
  /** Whether each Service is wanted. */
  readonly services: readonly boolean[];
}

export interface PlanSize {
  readonly pods: number;
  /** Of each phase. */
  readonly rounds: number;
  /** Whether the pods are a cluster's, whose control plane fails too. */
  readonly cluster: boolean;
}

/** In the last phase nothing ends the daemon: its memory and file descriptors must tell of all the other faults. */
export interface Plan {
  readonly first: Wanted;
  readonly phases: readonly Phase[];
}

const withoutDaemon: readonly FaultKind[] = [
  'Docker is killed',
  'Docker is stopped',
  'link of the host is cut',
  'link of a pod is cut',
  'disk is full',
  'clock jumps',
];
const ofDaemon: readonly FaultKind[] = ['daemon is killed', 'daemon is stopped'];
const ofControlPlane: readonly ControlPlaneFault['kind'][] = [
  'API server is killed',
  'API server is stopped',
  'etcd is killed',
  'link of the control plane is cut',
  'certificate of the API server is renewed',
  'controllers are killed',
];

/** Long enough for a renewal of the node's lease, and for watches to be given up. */
const longHoldMs = 20_000;

const minute = 60_000;
const jumps = [-600, -60, -1, 1, 60, 24 * 60].map((minutes) => minutes * minute);

/** Every third pod is never changed: its containers must not be restarted. */
export function isSteady(pod: number): boolean {
  return pod % 3 === 0;
}

export function isOfControlPlane(fault: Fault): fault is ControlPlaneFault {
  return ofControlPlane.some((kind) => kind === fault.kind);
}

/** No multiple of three: a third of the Services would have all steady pods, and others none. */
export function serviceCount(pods: number): number {
  const count = Math.max(2, Math.floor(pods / 6));
  return count % 3 === 0 ? count - 1 : count;
}

/** The pods behind a Service: every Service has steady ones and others, from 6 pods on. */
export function podsOfService(service: number, { revisions, services }: Wanted): readonly number[] {
  return revisions.flatMap((revision, pod) => (revision > 0 && pod % services.length === service ? [pod] : []));
}

/** The same seed and size make the same plan. */
export function plan(seed: number, size: PlanSize): Plan {
  const { pods, cluster } = size;
  const random = new Random(seed);
  const first: Wanted = {
    revisions: Array.from({ length: pods }, () => 1),
    services: Array.from({ length: serviceCount(pods) }, () => true),
  };
  const revise = counter();
  const others = [...withoutDaemon, ...(cluster ? ofControlPlane : [])];
  const kills = phase(random, first, revise, deckOf(random, [...ofDaemon, ...others]), size);
  const soak = phase(random, kills.restored, revise, deckOf(random, others), size);
  return { first, phases: [kills, soak] };
}

/** Of a host that has nothing yet. */
export function nothing(pods: number): Wanted {
  return {
    revisions: Array.from({ length: pods }, () => 0),
    services: Array.from({ length: serviceCount(pods) }, () => false),
  };
}

/** The changes that bring about what is wanted where there was nothing. */
export function changesTo({ revisions, services }: Wanted): readonly Change[] {
  return [
    ...revisions.map((revision, pod) => ({ kind: 'pod' as const, pod, revision })),
    ...services.map((there, service) => ({ kind: 'service' as const, service, there })),
  ];
}

export function apply(wanted: Wanted, change: Change): Wanted {
  return change.kind === 'pod'
    ? { ...wanted, revisions: wanted.revisions.with(change.pod, change.revision) }
    : { ...wanted, services: wanted.services.with(change.service, change.there) };
}

function phase(
  random: Random,
  from: Wanted,
  revise: () => number,
  deal: () => FaultKind,
  size: Omit<PlanSize, 'pods'>,
): Phase {
  let wanted = from;
  const change = (): Change => {
    const next = randomChange(random, wanted, revise);
    wanted = apply(wanted, next);
    return next;
  };
  const changes = (): readonly Change[] => Array.from({ length: random.below(from.revisions.length / 6) + 1 }, change);
  const rounds = Array.from({ length: size.rounds }, () => ({
    before: changes(),
    fault: makeFault(random, deal(), from.revisions.length),
    during: changes(),
    holdMs: random.below(size.cluster && random.below(4) === 0 ? longHoldMs : 1_500),
    pauseMs: random.below(2_000),
  }));
  const restore = absent(wanted, revise);
  return { rounds, wanted, restore, restored: restore.reduce(apply, wanted) };
}

function randomChange(random: Random, wanted: Wanted, revise: () => number): Change {
  if (random.below(5) === 0) {
    const service = 1 + random.below(wanted.services.length - 1);
    return { kind: 'service', service, there: wanted.services[service] !== true };
  }
  const changing = wanted.revisions.flatMap((_, pod) => (isSteady(pod) ? [] : [pod]));
  const pod = random.pick(changing);
  const goes = wanted.revisions[pod] !== 0 && random.below(2) === 0;
  return { kind: 'pod', pod, revision: goes ? 0 : revise() };
}

function absent({ revisions, services }: Wanted, revise: () => number): readonly Change[] {
  return [
    ...revisions.flatMap((revision, pod) =>
      revision === 0 ? [{ kind: 'pod' as const, pod, revision: revise() }] : [],
    ),
    ...services.flatMap((there, service) => (there ? [] : [{ kind: 'service' as const, service, there: true }])),
  ];
}

function makeFault(random: Random, kind: FaultKind, pods: number): Fault {
  if (kind === 'clock jumps') return { kind, offsetMs: random.pick(jumps) };
  if (kind === 'link of a pod is cut') return { kind, pod: 3 * random.below(Math.ceil(pods / 3)) };
  return { kind };
}

/** Deals every kind once before it deals one again. */
function deckOf(random: Random, kinds: readonly FaultKind[]): () => FaultKind {
  let deck: readonly FaultKind[] = [];
  return () => {
    if (deck.length === 0) deck = kinds;
    const dealt = random.pick(deck);
    deck = deck.filter((kind) => kind !== dealt);
    return dealt;
  };
}

/** No revision comes twice, so that an old container is never taken for the wanted one. */
function counter(): () => number {
  let last = 1;
  return () => (last += 1);
}
