import { setMaxListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEvictionManager, type EvictionManager, evictionSettings } from '../../../agent/eviction/index.ts';
import type { ThresholdConfig } from '../../../agent/eviction/thresholds.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import type { NodeStats, PodUsage } from '../../../agent/stats/index.ts';
import { createFakeClock, type FakeClock } from '../probes/fake-clock.ts';
import { t0 } from '../pods/fixtures.ts';
import { containerUsage, disk, evictable, MiB, spared, usage } from './pods.ts';

/** A node that does what it is told to, and writes down what is done to it. */
interface World {
  /** MiB left of 1000. */
  memory: number;
  disk: number;
  imageDevice: number;
  pods: readonly Pod[];
  /** MiB in memory and in the emptyDir `data`, by UID. */
  readonly used: Map<string, number>;
  /** Whether evicted pods end. */
  ends: boolean;
  /** What the removal of images frees, MiB. */
  imagesFree: number;
  /** How long it takes to look at a pod's disk. */
  walkMs: number;
  failure: Error | undefined;
  readonly log: string[];
}

let world: World;
let clock: FakeClock;
let manager: EvictionManager;
let stop: () => Promise<void>;

const fileSystem = (device: number, left: number): NonNullable<NodeStats['nodeFs']> => {
  return { device, bytes: { available: left * MiB, capacity: 1000 * MiB }, inodes: undefined };
};

function statsOf({ memory, disk: left, imageDevice }: World): NodeStats {
  return {
    memory: { available: memory * MiB, capacity: 1000 * MiB },
    podsMemory: undefined,
    nodeFs: fileSystem(1, left),
    imageFs: fileSystem(imageDevice, left),
    pids: undefined,
  };
}

function usageOf({ metadata }: Pod): PodUsage {
  const bytes = (world.used.get(metadata.uid) ?? 0) * MiB;
  const containers = new Map([['app', containerUsage({ memoryBytes: bytes })]]);
  return usage({ memoryBytes: bytes, volumes: new Map([['data', disk(bytes)]]), containers });
}

interface Settings extends ThresholdConfig {
  readonly evictionMaxPodGracePeriod?: number;
}

function start(config: Settings): void {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // The fake clock leaves one a sleep.
  const note = (line: string): void => void world.log.push(line);
  manager = createEvictionManager({
    settings: evictionSettings({ evictionHard: {}, enforceNodeAllocatable: [], ...config }),
    nodeName: 'n1',
    nodeStats: () => (world.failure === undefined ? Promise.resolve(statsOf(world)) : Promise.reject(world.failure)),
    podStats: {
      memory: (pod) => Promise.resolve(usageOf(pod)),
      memoryOfContainers: (pod) => Promise.resolve(usageOf(pod)),
      processes: (pod) => Promise.resolve(usageOf(pod)),
      disk: async (pod) => {
        note(`measure ${pod.metadata.uid}`);
        if (world.walkMs > 0) await clock.sleep(world.walkMs);
        return usageOf(pod);
      },
    },
    activePods: () => world.pods,
    runningContainers: () => new Map(),
    hasEnded: (uid) => world.ends && !world.pods.some(({ metadata }) => metadata.uid === uid),
    evict: (uid, { reason, message, disruption }, grace) => {
      const why = disruption === message ? 'disrupts' : `evicts (${disruption ?? 'no disruption'})`;
      note(`${why} ${uid} in ${grace ?? 'own'} s: ${reason}: ${message.split('. ')[0] ?? ''}`);
      world.pods = world.pods.filter(({ metadata }) => metadata.uid !== uid);
    },
    reclaimContainers: () => Promise.resolve(note('reclaim containers')),
    reclaimImages: () => {
      world.disk += world.imagesFree;
      return Promise.resolve(note('reclaim images'));
    },
    events: {
      event: ({ kind, name }, type, reason, message) =>
        note(`${type} ${kind} ${name} ${reason}${reason === 'Evicted' ? '' : `: ${message}`}`),
    },
    clock,
    log: {
      info: () => undefined,
      warn: (_, message) => note(`warn: ${message}`),
      error: () => undefined,
      debug: () => undefined,
    },
  });
  const running = manager.run(controller.signal).catch(() => undefined);
  stop = async () => {
    controller.abort(new Error('the test is over'));
    await running;
  };
}

/** What was done within so many seconds. */
async function during(seconds: number): Promise<readonly string[]> {
  await clock.advance(seconds * 1000);
  return world.log.splice(0);
}

const truth = (): string[] =>
  manager.conditions().flatMap(({ type, status }) => (status === 'True' ? [type as string] : []));

beforeEach(() => {
  clock = createFakeClock(t0);
  world = {
    ...{ memory: 900, disk: 900, imageDevice: 1, pods: [], used: new Map(), ends: true, imagesFree: 0, walkMs: 0 },
    failure: undefined,
    log: [],
  };
});
afterEach(async () => stop());

const memoryHard = { evictionHard: { 'memory.available': '100Mi' } };
const diskHard = { evictionHard: { 'nodefs.available': '10%' } };

describe('memory', () => {
  test('while there is enough nothing is done', async () => {
    world.pods = [evictable('a')];
    start(memoryHard);
    expect(await during(60)).toEqual([]);
    expect(truth()).toEqual([]);
  });

  test('the pod that is most above its request goes, one at a time, until there is enough', async () => {
    world.pods = [evictable('small'), spared('static'), evictable('large')];
    for (const [uid, mib] of [
      ['small', 10],
      ['static', 500],
      ['large', 50],
    ] as const)
      world.used.set(uid, mib);
    world.memory = 50;
    start(memoryHard);
    expect(await during(0)).toEqual([
      'Normal Node n1 NodeHasInsufficientMemory: Node n1 status is now: NodeHasInsufficientMemory',
      'Warning Node n1 EvictionThresholdMet: Attempting to reclaim memory',
      'Warning Pod large Evicted',
      'disrupts large in 1 s: Evicted: The node was low on resource: memory',
      'Warning Node n1 EvictionThresholdMet: Attempting to reclaim memory',
      'Warning Pod small Evicted',
      'disrupts small in 1 s: Evicted: The node was low on resource: memory',
      'Warning Node n1 EvictionThresholdMet: Attempting to reclaim memory',
      'warn: the node is short of a resource, and no pod can be evicted',
    ]);
    expect(world.pods.map(({ metadata }) => metadata.uid)).toEqual(['static']);
    expect(truth()).toEqual(['MemoryPressure']);
  });

  test('the next look waits for the end of the evicted pod, but not for ever', async () => {
    world.pods = [evictable('first'), evictable('second')];
    world.used.set('first', 2).set('second', 1);
    world.memory = 50;
    world.ends = false;
    start(memoryHard);
    await during(0);
    expect(await during(30)).toEqual([]);
    expect(await during(2)).toContain('warn: an evicted pod has not ended in time, going on');
    expect(world.pods).toEqual([]);
  });

  test.each<readonly [own: number, max: number | undefined, expected: number]>([
    [60, undefined, 1],
    [60, 30, 30],
    [20, 30, 20],
    [60, -1, 60],
    [0, 30, 1],
  ])('a soft threshold waits; a pod with %d s and a maximum of %s has %d s', async (own, max, expected) => {
    world.pods = [evictable('pod', { graceSeconds: own })];
    world.memory = 50;
    start({
      evictionSoft: { 'memory.available': '100Mi' },
      evictionSoftGracePeriod: { 'memory.available': '45s' },
      ...(max === undefined ? {} : { evictionMaxPodGracePeriod: max }),
    });
    expect(await during(45)).toEqual([
      'Normal Node n1 NodeHasInsufficientMemory: Node n1 status is now: NodeHasInsufficientMemory',
    ]);
    expect(await during(5)).toContain(`disrupts pod in ${expected} s: Evicted: The node was low on resource: memory`);
  });

  test('new pods without requests are refused meanwhile, and five minutes longer', async () => {
    world.memory = 50;
    start(memoryHard);
    const refused = { reason: 'Evicted', message: 'The node had condition: [MemoryPressure]. ' };
    expect(manager.admissionProblem(evictable('new'))).toBeUndefined();
    await during(0);
    expect(manager.admissionProblem(evictable('new'))).toEqual(refused);
    world.memory = 900;
    await during(299);
    expect(manager.admissionProblem(evictable('new'))).toEqual(refused);
    expect(await during(11)).toEqual([
      'Normal Node n1 NodeHasSufficientMemory: Node n1 status is now: NodeHasSufficientMemory',
    ]);
    expect(manager.admissionProblem(evictable('new'))).toBeUndefined();
  });
});

describe('disk', () => {
  test('what the node itself can give back comes first', async () => {
    world.pods = [evictable('pod')];
    Object.assign(world, { disk: 50, imagesFree: 200 });
    start(diskHard);
    expect(await during(30)).toEqual([
      'Normal Node n1 NodeHasDiskPressure: Node n1 status is now: NodeHasDiskPressure',
      'Warning Node n1 EvictionThresholdMet: Attempting to reclaim ephemeral-storage',
      'reclaim containers',
      'reclaim images',
    ]);
  });

  test('then a pod; and when none can go the node is not scoured again and again', async () => {
    world.pods = [evictable('pod'), spared('static')];
    world.disk = 50;
    start(diskHard);
    const first = await during(0);
    expect(first.filter((line) => !line.includes(' Node '))).toEqual([
      'reclaim containers',
      'reclaim images',
      'measure pod',
      'Warning Pod pod Evicted',
      'disrupts pod in 1 s: Evicted: The node was low on resource: ephemeral-storage',
      'reclaim containers',
      'reclaim images',
      'warn: the node is short of a resource, and no pod can be evicted',
    ]);
    const later = await during(65);
    expect(later.filter((line) => line.startsWith('reclaim'))).toEqual(['reclaim containers', 'reclaim images']);
    expect(later.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  test('its shortage is over in time when the clock was set back meanwhile', async () => {
    world.disk = 50;
    start(diskHard);
    await during(15);
    expect(truth()).toEqual(['DiskPressure']);
    world.disk = 900;
    clock.setWall(t0 - 24 * 3_600_000);
    await during(315);
    expect(truth()).toEqual([]);
  });

  test('images on a file system of their own are no help to the node', async () => {
    Object.assign(world, { disk: 50, imageDevice: 2 });
    start(diskHard);
    expect(await during(0)).toEqual([
      'Normal Node n1 NodeHasDiskPressure: Node n1 status is now: NodeHasDiskPressure',
      'Warning Node n1 EvictionThresholdMet: Attempting to reclaim ephemeral-storage',
      'warn: the node is short of a resource, and no pod can be evicted',
    ]);
  });
});

describe('limits of local storage', () => {
  const volumes = [{ name: 'data', emptyDir: { sizeLimit: '1Mi' } }];

  test('a pod beyond one is evicted, without pressure; one that is spared is not even measured', async () => {
    world.pods = [evictable('full', { volumes }), evictable('fine', { volumes }), spared('static', { volumes })];
    world.used.set('full', 2).set('static', 2);
    start({});
    expect(await during(10)).toEqual([
      'measure full',
      'Warning Pod full Evicted',
      'evicts (no disruption) full in 1 s: Evicted: Usage of EmptyDir volume "data" exceeds the limit "1Mi"',
      'measure fine',
    ]);
  });

  test('a pod whose disk takes a second to look at is left alone for fifty, the others are not', async () => {
    world.pods = [evictable('huge', { volumes })];
    world.walkMs = 1000;
    start({});
    expect(await during(11)).toEqual(['measure huge']);
    world.walkMs = 0;
    world.pods = [evictable('huge', { volumes }), evictable('new', { volumes })];
    expect(await during(40)).toEqual(Array(4).fill('measure new'));
    expect(await during(10)).toEqual(['measure huge', 'measure new']);
  });

  test('pods without a limit are not measured', async () => {
    world.pods = [evictable('free', { volumes: [{ name: 'data', emptyDir: {} }] })];
    start({});
    expect(await during(60)).toEqual([]);
  });
});

test('a look that fails is told, and repeated', async () => {
  world.failure = new Error('no /proc');
  start(memoryHard);
  expect(await during(0)).toEqual(['warn: cannot look for pressure on the node, will retry']);
  Object.assign(world, { failure: undefined, memory: 1 });
  await during(10);
  expect(truth()).toEqual(['MemoryPressure']);
});
