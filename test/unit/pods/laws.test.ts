import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../agent/objects/types.ts';
import { mayRun } from '../../../agent/pods/observed.ts';
import type { PodActions } from '../../../agent/pods/plan-types.ts';
import { isTerminalPhase } from '../../../agent/pods/status.ts';
import { goWell, histories, type HistoryEvent, play, pods, tell } from './histories.ts';
import { planLaws } from './laws.ts';
import { World } from './simulator.ts';

/** Enough to find each law that was broken on purpose; more with PROPERTY_RUNS, for changes to plans. */
const runs = { numRuns: Number(process.env.PROPERTY_RUNS ?? 250) };
const timeoutMs = 120_000;
const check = Object.values(planLaws);

/** One run of the pod's worker, after which all laws were looked at. */
function sync(world: World, crashAfter?: number): PodActions {
  const before = world.status?.phase;
  const planned = world.plan();
  world.publish(planned);
  const actions = isTerminalPhase(world.status?.phase) ? world.plan() : planned;
  for (const law of check) law(world, actions);
  if (before === 'Succeeded' || before === 'Failed') expect(world.status?.phase).toBe(before);
  world.apply(actions, crashAfter === undefined ? undefined : { count: crashAfter });
  return actions;
}

const isEmpty = (actions: PodActions): boolean =>
  !actions.replace &&
  actions.createSandbox === undefined &&
  [
    actions.stopSandboxes,
    actions.killContainers,
    actions.startContainers,
    actions.resizeContainers,
    actions.removeContainers,
  ].every((list) => list.length === 0);

/** Syncs until there is nothing to do. */
function settle(world: World): PodActions {
  for (let round = 0; round < 20; round++) {
    const actions = sync(world);
    if (isEmpty(actions)) return actions;
  }
  throw new Error('the pod does not come to rest');
}

function live(desired: Pod, history: readonly HistoryEvent[]): World {
  const world = new World(desired);
  sync(world);
  for (const event of history) {
    play(world, event);
    if (event.synced) sync(world, event.crashAfter);
  }
  return world;
}

/** At rest, the same facts give the same status, whatever the time; a back-off may be over by then. */
function expectStableStatus(world: World): void {
  const before = world.status;
  world.now += 5000;
  const actions = world.plan();
  if (actions.backingOff.length > 0 || !isEmpty(actions)) return;
  world.publish(actions);
  expect(world.status).toEqual(before);
}

/** Checks `law` over any pod and any history. */
function always(law: (world: World) => void): void {
  const property = fc.property(pods, histories, (desired, history) => {
    try {
      law(live(desired, history));
    } catch (error) {
      throw new Error(tell(desired, history), { cause: error });
    }
  });
  fc.assert(property, runs);
}

describe('laws of plans and statuses, over any pod and any history', () => {
  test(
    'the pod comes to rest, and every plan on the way is sound',
    () => {
      always((world) => {
        const last = settle(world);
        const isWaiting = last.backingOff.length > 0 || last.finished;
        expect(isWaiting || world.containers.some(mayRun)).toBe(true);
        expectStableStatus(world);
      });
    },
    timeoutMs,
  );

  test(
    'when all goes well from now on, app containers run or the pod has ended',
    () => {
      always((world) => {
        settle(world);
        for (let round = 0; round < 8; round++) {
          goWell(world);
          settle(world);
        }
        const last = settle(world);
        const running = new Set(world.containers.filter(mayRun).map(({ name }) => name));
        expect(last.backingOff).toEqual([]);
        if (last.finished) expect(running).toEqual(new Set());
        else expect(world.pod.spec.containers.filter(({ name }) => running.has(name))).not.toEqual([]);
      });
    },
    timeoutMs,
  );
});
