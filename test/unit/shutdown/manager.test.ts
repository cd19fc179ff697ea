import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Pod } from '../../../agent/objects/types.ts';
import type { Logind } from '../../../agent/shutdown/logind.ts';
import { createNodeShutdown, type NodeShutdown } from '../../../agent/shutdown/manager.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };

const pod = (name: string, priority: number, terminationGracePeriodSeconds: number): Pod =>
  ({ metadata: { name, uid: name }, spec: { priority, terminationGracePeriodSeconds } }) as Pod;

interface World {
  readonly shutdown: NodeShutdown;
  readonly said: string[];
  readonly run: () => Promise<void>;
}

/** A host on which these signals come one after the other; a pod ends as soon as it is told, unless it is `stubborn`. */
function world(signals: readonly boolean[], pods: readonly Pod[]): World {
  const said: string[] = [];
  const failed = new Set<string>();
  const controller = new AbortController();
  let time = 0;
  const logind: Logind = {
    ensureDelay: async (seconds) => Promise.resolve(void said.push(`delay ${seconds}`)),
    inhibit: async () => {
      said.push('lock');
      return Promise.resolve({ release: () => void said.push('release') });
    },
    watch: async function* () {
      for (const begins of signals) yield await Promise.resolve(begins);
      controller.abort();
    },
  };
  const shutdown = createNodeShutdown({
    periods: [
      { priority: 0, seconds: 20 },
      { priority: 1_000, seconds: 10 },
    ],
    logind,
    log,
    activePods: () => pods,
    fail: (uid, { reason, message, disruption }, seconds) => {
      failed.add(uid);
      said.push(`${reason}${disruption === message ? '' : ', no disruption,'} ${uid} ${seconds}`);
    },
    hasEnded: (uid) => failed.has(uid) && uid !== 'stubborn',
    resume: () => void said.push('resume'),
    onChange: () => void said.push(`shutting down: ${shutdown.isShuttingDown()}`),
    node: { kind: 'Node', namespace: '', name: 'node', uid: 'node' },
    events: { event: (_, type, reason, message) => void said.push(`${type} ${reason} ${message}`) },
    clock: {
      now: () => time,
      sleep: async (ms, signal) => {
        time += ms;
        await setImmediate();
        signal?.throwIfAborted();
      },
    },
  });
  return { shutdown, said, run: () => shutdown.run(controller.signal) };
}

test('pods end by their priority, with their own grace period or the shorter one of their group; then the host may go', async () => {
  const { said, shutdown, run } = world([true], [pod('database', 1_000, 60), pod('web', 0, 5), pod('stubborn', 0, 30)]);
  await run();
  expect(said.filter((line) => line !== 'release')).toEqual([
    'delay 30',
    'lock',
    'Normal NodeShutdown Shutdown manager detected shutdown event',
    'shutting down: true',
    'Terminated web 5',
    'Terminated stubborn 20',
    'Terminated database 10',
  ]);
  expect(said.indexOf('release')).toBe(said.indexOf('Terminated database 10') + 1);
  expect(shutdown.admissionProblem()).toEqual({
    reason: 'NodeShutdown',
    message: 'Pod was rejected as the node is shutting down.',
  });
});

test('a host that goes on after all takes pods again, and the lock', async () => {
  const { said, shutdown, run } = world([true, false], []);
  expect(shutdown.admissionProblem()).toBeUndefined();
  await run();
  expect(said).toEqual([
    'delay 30',
    'lock',
    'Normal NodeShutdown Shutdown manager detected shutdown event',
    'shutting down: true',
    'release',
    'Normal NodeShutdown Shutdown manager detected shutdown cancellation',
    'shutting down: false',
    'lock',
    'resume',
    'release',
  ]);
  expect(shutdown.admissionProblem()).toBeUndefined();
});
