import { setTimeout as delay } from 'node:timers/promises';
import { cpuMs, firstReconcile, rssMb, startReady } from './daemon.ts';
import { execProbes } from './exec-probes.ts';
import { measureFloorBurst, measureFloorDrop } from './floor.ts';
import { measurePodBurst, measurePodDrop, removePods, startPods } from './pods.ts';
import { kubeletLoad, kubeletPods } from './kubelet.ts';
import { kubeletRestart } from './kubelet-restart.ts';
import { probes } from './probes.ts';
import { proxy } from './proxy.ts';
import { milliseconds, type Row } from './report.ts';
import { fullService } from './restart.ts';
import type { Stage } from './stage.ts';
import { median } from './stats.ts';
import { up } from './up.ts';

/** Measures one thing on a stage. */
export type Part = (stage: Stage, say: (text: string) => void) => Promise<readonly Row[]>;

export const parts: Readonly<Record<string, Part>> = {
  drop,
  burst,
  start,
  restart,
  fullService,
  up,
  idle,
  probes,
  execProbes,
  proxy,
  kubeletPods,
  kubeletLoad,
  kubeletRestart,
};

const burstSize = 50;
const restartedPods = 100;

/** Podwright and floor in turn, so that what disturbs the machine disturbs both. */
async function drop(stage: Stage, say: (text: string) => void): Promise<readonly Row[]> {
  const daemon = await startReady(stage);
  const pods: number[] = [];
  const floor: number[] = [];
  for (let round = -3; round < 15; round += 1) {
    const times = { floor: await measureFloorDrop(stage), pod: await measurePodDrop(stage) };
    say(`drop ${round < 0 ? 'warm-up' : round + 1}: ${milliseconds(times.pod)}, floor ${milliseconds(times.floor)}`);
    if (round < 0) continue;
    pods.push(times.pod);
    floor.push(times.floor);
  }
  await daemon.stop();
  const ratio = median(pods) / median(floor);
  return [
    {
      what: 'manifest drop to app running, one at a time',
      podwright: milliseconds(median(pods)),
      floor: milliseconds(median(floor)),
      ratio: ratio.toFixed(2),
      limit: 'at most 1.25',
      met: ratio <= 1.25,
    },
  ];
}

async function burst(stage: Stage, say: (text: string) => void): Promise<readonly Row[]> {
  const parallelism = await bestParallelism(stage, say);
  const daemon = await startReady(stage);
  const pods: number[] = [];
  const floor: number[] = [];
  for (let round = 1; round <= 3; round += 1) {
    floor.push(rate(await measureFloorBurst(stage, burstSize, parallelism)));
    pods.push(rate(await measurePodBurst(stage, burstSize)));
    say(`burst ${round}: ${perSecond(pods.at(-1) ?? 0)}, floor ${perSecond(floor.at(-1) ?? 0)}`);
  }
  await daemon.stop();
  const ratio = median(pods) / median(floor);
  return [
    {
      what: `burst of ${burstSize}, pods started`,
      podwright: perSecond(median(pods)),
      floor: `${perSecond(median(floor))} (${parallelism} at a time)`,
      ratio: ratio.toFixed(2),
      limit: 'at least 0.8',
      met: ratio >= 0.8,
    },
  ];
}

async function bestParallelism(stage: Stage, say: (text: string) => void): Promise<number> {
  let best = { parallelism: 0, rate: 0 };
  for (const parallelism of [1, 2, 4, 8, 16]) {
    const found = rate(await measureFloorBurst(stage, burstSize, parallelism));
    say(`burst floor, ${parallelism} at a time: ${perSecond(found)}`);
    if (found > best.rate) best = { parallelism, rate: found };
  }
  return best.parallelism;
}

function rate(elapsedMs: number): number {
  return (burstSize * 1000) / elapsedMs;
}

function perSecond(value: number): string {
  return `${value.toFixed(1)} /s`;
}

async function start(stage: Stage, say: (text: string) => void): Promise<readonly Row[]> {
  const times: number[] = [];
  for (let round = 1; round <= 7; round += 1) {
    const launched = Date.now();
    const daemon = stage.host.startDaemon();
    const time = Date.parse((await firstReconcile(daemon)).time);
    times.push(time - launched);
    say(`start ${round}: ${milliseconds(time - launched)}`);
    await daemon.stop();
  }
  const result = median(times);
  const limit = { limit: 'under 1,000 ms', met: result < 1_000 };
  return [{ what: 'daemon start to first reconcile', podwright: milliseconds(result), floor: '', ratio: '', ...limit }];
}

/** A killed daemon's successor: until it has looked at every pod and left all of them as they were. */
async function restart(stage: Stage, say: (text: string) => void): Promise<readonly Row[]> {
  let daemon = await startReady(stage);
  const { names } = await startPods(stage, restartedPods);
  const before = await containerIds(stage);
  const times: number[] = [];
  for (let round = 1; round <= 5; round += 1) {
    await daemon.kill9();
    const launched = Date.now();
    daemon = stage.host.startDaemon();
    times.push(Date.parse((await firstReconcile(daemon)).time) - launched);
    say(`restart ${round}: ${restartedPods} pods known again after ${milliseconds(times.at(-1) ?? 0)}`);
  }
  const isSame = before.join() === (await containerIds(stage)).join();
  await removePods(stage, names);
  await daemon.stop();
  const what = `kill -9 and restart with ${restartedPods} pods: all known again`;
  const limit = 'under 3,000 ms, same containers';
  const met = isSame && Math.max(...times) < 3_000;
  return [{ what, podwright: milliseconds(median(times)), floor: '', ratio: '', limit, met }];
}

async function containerIds({ host }: Stage): Promise<readonly string[]> {
  return (await host.containers()).map(({ Id }) => Id).sort();
}

/** Idle cost with pods: a minute after they have settled. */
async function idle(stage: Stage, say: (text: string) => void): Promise<readonly Row[]> {
  const daemon = await startReady(stage);
  const { names } = await startPods(stage, burstSize);
  say(`idle: ${burstSize} pods run; waiting 20 s, then measuring for 60 s`);
  await delay(20_000);
  const seconds = 60;
  const before = cpuMs(daemon.pid);
  await delay(seconds * 1000);
  const cpu = ((cpuMs(daemon.pid) - before) / (seconds * 1000)) * 100;
  const rss = rssMb(daemon.pid);
  await removePods(stage, names);
  await daemon.stop();
  const common = { floor: '', ratio: '' };
  return [
    {
      what: `CPU with ${burstSize} idle pods`,
      podwright: `${cpu.toFixed(2)} % of a core`,
      ...common,
      limit: 'under 0.3 %',
      met: cpu < 0.3,
    },
    {
      what: `memory (RSS) with ${burstSize} idle pods`,
      podwright: `${rss.toFixed(0)} MB`,
      ...common,
      limit: 'under 130 MB',
      met: rss < 130,
    },
  ];
}
