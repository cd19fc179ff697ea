import fc from 'fast-check';
import type { Container, EphemeralContainer, Pod } from '../../../agent/objects/types.ts';
import { mayRun } from '../../../agent/pods/observed.ts';
import { container, pod } from './fixtures.ts';
import type { World } from './simulator.ts';

/** Something that happens beside the daemon. `pick` chooses among what it may happen to. */
export interface HistoryEvent {
  readonly kind: keyof typeof events;
  readonly pick: number;
  /** The pod is synced afterwards; else more happens before the daemon looks. */
  readonly synced: boolean;
  /** The daemon is killed after so many effects of that sync. */
  readonly crashAfter: number | undefined;
}

const exitCodes = [0, 1, 42, 137];

const one = <T>(items: readonly T[], pick: number): T | undefined => items[pick % Math.max(1, items.length)];

const running = (world: World): string[] =>
  world.containers.filter(({ state }) => state === 'running').map(({ id }) => id);

/** Applies `change` to one of the containers that run. */
function toRunning(change: (world: World, id: string, pick: number) => void): (world: World, pick: number) => void {
  return (world, pick) => {
    const id = one(running(world), pick);
    if (id !== undefined) change(world, id, Math.floor(pick / 7));
  };
}

function edit(world: World, pick: number, change: (container: Container) => Container): void {
  const { spec } = world.pod;
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  const chosen = one(all, pick);
  const apply = (each: Container): Container => (each === chosen ? change(each) : each);
  const initContainers = spec.initContainers?.map(apply);
  world.pod = {
    ...world.pod,
    spec: {
      ...spec,
      containers: spec.containers.map(apply),
      ...(initContainers === undefined ? {} : { initContainers }),
    },
  };
}

/** All that may happen to a pod on its node. */
const events = {
  exits: toRunning((world, id, pick) => world.exit(id, exitCodes[pick % 4] ?? 0)),
  oomKilled: toRunning((world, id) => world.exit(id, 137, true)),
  becomesUnknown: toRunning((world, id) => world.change(id, { state: 'unknown' })),
  livenessFails: toRunning((world, id, pick) =>
    world.failing.set(id, { kind: 'liveness', graceSeconds: pick % 2 === 0 ? undefined : 3 }),
  ),
  startupFails: toRunning((world, id) => {
    if (!world.isStarted(id)) world.failing.set(id, { kind: 'startup', graceSeconds: undefined });
  }),
  startupSucceeds: toRunning((world, id) => {
    if (!world.failing.has(id)) world.started.add(id);
  }),
  cannotStart: toRunning((world, id) =>
    world.change(id, { state: 'exited', startedAt: 0, exitCode: 127, finishedAt: world.now, error: 'no such file' }),
  ),
  sandboxDies: (world: World): void => {
    const [newest] = world.sandboxes;
    world.sandboxes = world.sandboxes.map((each) => (each === newest ? { ...each, state: 'notready' } : each));
  },
  nodeReboots: (world: World): void => {
    world.sandboxes = world.sandboxes.map((each) => ({ ...each, state: 'notready' }));
    for (const { id, state } of world.containers) if (state === 'running') world.exit(id, 255);
    world.restartDaemon();
  },
  networkIsLost: (world: World): void => {
    const [newest] = world.sandboxes;
    world.sandboxes = world.sandboxes.map((each) => (each === newest ? { ...each, ips: [] } : each));
  },
  secondSandbox: (world: World): void => {
    world.addSandbox((world.sandboxes[0]?.attempt ?? 0) + 1);
  },
  sandboxIsRemoved: (world: World, pick: number): void => world.remove(one(world.sandboxes, pick)?.id ?? ''),
  containerIsRemoved: (world: World, pick: number): void => world.remove(one(world.containers, pick)?.id ?? ''),
  deadArePruned: (world: World): void => {
    for (const { id, state } of world.containers) if (state === 'exited' || state === 'created') world.remove(id);
    for (const { id, state } of world.sandboxes) if (state === 'notready') world.remove(id);
  },
  strangerAppears: (world: World): void => {
    const id = world.addContainer(container('stranger'), world.sandboxes[0]?.id ?? 'nowhere', 0);
    world.change(id, { state: 'running' });
  },
  twinAppears: (world: World, pick: number): void => {
    const twin = one(world.pod.spec.containers, pick);
    const sandbox = world.sandboxes[0]?.id;
    const other = world.containers.find(({ name, sandboxId }) => name === twin?.name && sandboxId === sandbox);
    if (twin === undefined || sandbox === undefined || other === undefined) return;
    world.change(world.addContainer(twin, sandbox, other.attempt + 1), { state: 'running', startedAt: world.now });
  },
  daemonRestarts: (world: World): void => world.restartDaemon(),
  checkpointIsLost: (world: World): void => {
    world.restartDaemon();
    world.status = undefined;
    world.failure = undefined;
  },
  imageChanges: (world: World, pick: number): void =>
    edit(world, pick, (each) => ({ ...each, image: `registry.test/other:${pick}` })),
  resourcesChange: (world: World, pick: number): void =>
    edit(world, pick, (each) => ({ ...each, resources: { limits: { cpu: `${pick + 100}m`, memory: '64Mi' } } })),
  ephemeralIsAdded: (world: World, pick: number): void => {
    const { spec } = world.pod;
    const debug: EphemeralContainer = container(`debug${pick % 2}`);
    const known = spec.ephemeralContainers ?? [];
    if (known.some(({ name }) => name === debug.name)) return;
    world.pod = { ...world.pod, spec: { ...spec, ephemeralContainers: [...known, debug] } };
  },
  podFails: (world: World, pick: number): void => {
    if (pick % 5 === 0 && !world.isOver) world.failure = { reason: 'Evicted', message: 'The node was low on memory.' };
  },
  timePasses: (world: World, pick: number): void => {
    world.now += [1, 9, 61, 301, 2000][pick % 5] ?? 1;
  },
} satisfies Readonly<Record<string, (world: World, pick: number) => void>>;

export function play(world: World, event: HistoryEvent): void {
  world.now += 1000;
  events[event.kind](world, event.pick);
  world.noteInitialized();
}

/** Lets what runs go well: init containers end with 0, startup probes succeed, back-offs pass. App containers run on. */
export function goWell(world: World): void {
  world.now += 400_000;
  const { initContainers = [] } = world.pod.spec;
  for (const { id, name } of world.containers.filter(mayRun)) {
    world.failing.delete(id);
    world.started.add(id);
    const init = initContainers.find((each) => each.name === name);
    if (init !== undefined && init.restartPolicy !== 'Always') world.exit(id, 0);
  }
  world.noteInitialized();
}

const probe = { exec: { command: ['true'] } };

const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];

const ownPolicy = fc.constantFrom<Partial<Container>>(
  {},
  {},
  { restartPolicy: 'Always' },
  { restartPolicy: 'OnFailure' },
  { restartPolicy: 'Never' },
  { restartPolicy: 'Never', restartPolicyRules: rules },
);

const resize = fc.constantFrom<Partial<Container>>(
  {},
  { resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] },
);

const startup = fc.constantFrom<Partial<Container>>({}, { startupProbe: probe });

const extras = fc.tuple(ownPolicy, resize, startup).map((parts): Partial<Container> => Object.assign({}, ...parts));

const initExtras = fc.oneof(
  fc.constant<Partial<Container>>({}),
  extras.filter(({ restartPolicy, startupProbe }) => restartPolicy === 'Always' || startupProbe === undefined),
);

/** Any mix of containers, policies and kinds. */
export const pods: fc.Arbitrary<Pod> = fc
  .record({
    policy: fc.constantFrom('Always', 'OnFailure', 'Never'),
    inits: fc.array(initExtras, { maxLength: 3 }),
    apps: fc.array(fc.oneof(fc.constant<Partial<Container>>({}), extras), { minLength: 1, maxLength: 2 }),
  })
  .map(({ policy, inits, apps }) =>
    pod({
      restartPolicy: policy,
      containers: apps.map((extra, index) => container(`app${index}`, extra)),
      ...(inits.length === 0 ? {} : { initContainers: inits.map((extra, index) => container(`init${index}`, extra)) }),
    }),
  );

const historyEvents = fc.record({
  kind: fc.constantFrom(...(Object.keys(events) as (keyof typeof events)[])),
  pick: fc.nat(200),
  synced: fc.boolean(),
  crashAfter: fc.option(fc.nat(6), { nil: undefined, freq: 8 }),
});

export const histories: fc.Arbitrary<readonly HistoryEvent[]> = fc.array(historyEvents, { maxLength: 25 });

/** A pod and its history in one short line, for the message of a law that is broken. */
export function tell({ spec }: Pod, history: readonly HistoryEvent[]): string {
  const containers = [...(spec.initContainers ?? []), ...spec.containers].map(
    ({ name, restartPolicy, startupProbe, restartPolicyRules }) =>
      [name, restartPolicy, startupProbe && 'startup', restartPolicyRules && 'rules'].filter(Boolean).join('+'),
  );
  const story = history.map(
    ({ kind, pick, synced, crashAfter }) =>
      `${kind}(${pick})${synced ? ` sync${crashAfter === undefined ? '' : `!${crashAfter}`}` : ''}`,
  );
  return `${spec.restartPolicy}: ${containers.join(' ')}: ${story.join(', ')}`;
}
