import { setTimeout as delay } from 'node:timers/promises';
import { cpuMs, startReady } from './daemon.ts';
import { lateness } from './probes.ts';
import { removePods, startPods } from './pods.ts';
import type { Row } from './report.ts';
import type { Stage } from './stage.ts';

/*
 * Exec probes on real containers. A machine of this size runs some 30 commands a second through Docker, whoever asks for
 * them: more containers would measure Docker.
 */

const containers = 20;
const periodMs = 1_000;
const settleMs = 5_000;
const measuredMs = 30_000;

interface ExecEvent {
  readonly Actor: { readonly ID: string };
  readonly timeNano: number;
}

/** How punctually commands start, by Docker's own events, and what the daemon spends on them. */
export async function execProbes(stage: Stage, say: (text: string) => void): Promise<readonly Row[]> {
  const daemon = await startReady(stage);
  const probe = { exec: { command: ['/bin/true'] }, periodSeconds: periodMs / 1000 };
  const { names } = await startPods(stage, containers, { readinessProbe: probe });
  await delay(settleMs);
  const cpuBefore = cpuMs(daemon.pid);
  const starts = await execStarts(stage, measuredMs);
  const cpuShare = (cpuMs(daemon.pid) - cpuBefore) / measuredMs;
  await removePods(stage, names);
  await daemon.stop();
  const late = [...starts.values()].flatMap(lateness).sort((a, b) => a - b);
  const at = (share: number): number => late[Math.floor((late.length - 1) * share)] ?? Number.NaN;
  const figures = `late: p99 ${at(0.99).toFixed(0)} ms, at most ${at(1).toFixed(0)} ms`;
  const podwright = `${(cpuShare * 100).toFixed(1)} % of a core; ${figures}`;
  say(`exec probes: ${late.length} in ${measuredMs / 1000} s, ${podwright}`);
  const met = late.length > 0 && at(1) < periodMs;
  const limit = 'no probe late by its period';
  return [{ what: `${containers} exec probes of 1 s`, podwright, floor: '', ratio: '', limit, met }];
}

/** When commands start, by container, milliseconds since the epoch. Followed: Docker remembers its last 256 events only. */
async function execStarts({ host }: Stage, ms: number): Promise<ReadonlyMap<string, readonly number[]>> {
  const until = (Date.now() + ms) / 1000;
  const stream = await host.docker.getEvents({ until, filters: { event: ['exec_start'] } });
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  const starts = new Map<string, number[]>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const { Actor, timeNano } = JSON.parse(line) as ExecEvent;
    const times = starts.get(Actor.ID) ?? [];
    times.push(timeNano / 1e6);
    starts.set(Actor.ID, times);
  }
  return starts;
}
