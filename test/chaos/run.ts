import { setTimeout as delay } from 'node:timers/promises';
import { footprintDifferences, serviceRules, settle, steadyContainers, untilNone } from './check.ts';
import { compare } from './compare.ts';
import { begin, podLinks, type PodLinks } from './faults.ts';
import { describeUsage, growth, measure, type Usage } from './measure.ts';
import { changesTo, nothing, plan, type Phase, type PlanSize, type Round } from './plan.ts';
import { createWorld, type World } from './world.ts';

export interface ChaosOptions extends PlanSize {
  readonly seed: number;
  /** How long nothing is done before the daemon's memory is measured. */
  readonly idleMs: number;
  /** For all that is waited for. */
  readonly deadlineMs: number;
  readonly log: (text: string) => void;
}

/**
 * Deploys pods and Services, ill-treats the host by the seeded plan while they change, and checks what must hold
 * afterwards. The host is removed in the end.
 *
 * @returns what does not hold, one readable line each
 * @throws Error when the desired state does not come about in time
 */
export async function runChaos(options: ChaosOptions): Promise<readonly string[]> {
  const world = await createWorld(options);
  try {
    return await ordeal(world, options);
  } finally {
    await world.remove();
  }
}

async function ordeal(world: World, options: ChaosOptions): Promise<readonly string[]> {
  const { log, deadlineMs, idleMs } = options;
  const { first, phases } = plan(options.seed, options);
  await world.startDaemon();
  await world.desired.change(changesTo(first));
  await settle(world, first, deadlineMs);
  log(`${options.pods} pods and ${first.services.length} Services answer`);
  const steady = await steadyContainers(world);
  const footprint = await world.host.footprint();
  const links = await podLinks(world);

  const usages: Usage[] = [];
  for (const phase of phases) {
    await runPhase(world, links, phase, options);
    const restarts = compare('container', steady, await steadyContainers(world));
    if (restarts.length > 0) return restarts;
    await untilNone(world, 'nothing to be left of what went', deadlineMs, async () =>
      footprintDifferences(footprint, await world.host.footprint()),
    );
    const versions = await world.desired.versions();
    const usage = await measure(world, idleMs);
    const writes = compare('version', versions, await world.desired.versions());
    if (writes.length > 0) return writes;
    log(`daemon: ${describeUsage(usage)}`);
    usages.push(usage);
  }
  await removeAll(world, options.pods, deadlineMs);
  log('nothing is left of the pods and Services');
  const [before, after] = usages.slice(-2);
  return before && after ? growth(before, after) : [];
}

async function runPhase(world: World, links: PodLinks, phase: Phase, options: ChaosOptions): Promise<void> {
  for (const round of phase.rounds) await runRound(world, links, round, options.log);
  await settle(world, phase.wanted, options.deadlineMs);
  await world.desired.change(phase.restore);
  await settle(world, phase.restored, options.deadlineMs);
  options.log(`what is wanted runs and answers after ${phase.rounds.length} faults`);
}

async function runRound(world: World, links: PodLinks, round: Round, log: (text: string) => void): Promise<void> {
  await world.desired.change(round.before);
  log(`${JSON.stringify(round.fault)}, ${round.before.length} changes before it, ${round.during.length} during it`);
  const end = await begin(world, links, round.fault);
  const changed = world.desired.change(round.during);
  await delay(round.holdMs);
  await end();
  await changed;
  await delay(round.pauseMs);
}

async function removeAll(world: World, pods: number, deadlineMs: number): Promise<void> {
  const { host, desired } = world;
  const none = nothing(pods);
  await desired.change(changesTo(none));
  await untilNone(world, 'all pods to be gone', deadlineMs, async () => host.leaks());
  await untilNone(world, 'nothing to be told of them', deadlineMs, async () => desired.differences());
  await untilNone(world, 'the rules to be gone', deadlineMs, async () => serviceRules(world, none.services.length));
  await world.daemon().stop(deadlineMs);
}
