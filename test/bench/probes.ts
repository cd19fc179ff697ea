import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../agent/clock.ts';
import type { Pod } from '../../agent/objects/types.ts';
import { createProbeManager, type ProbeManager } from '../../agent/probes/index.ts';
import type { ServerReport } from './probes-servers.ts';
import type { Row } from './report.ts';

/*
 * npx tsx test/bench/probes.ts
 *
 * The cost of probes and how punctual they are: 200 containers, each asked by HTTP once a second.
 */

const containers = 200;
const periodMs = 1_000;
const measuredMs = 30_000;
/** Until the first runs, which are spread over a period, are behind. */
const warmUpMs = 3_000;

interface ProbeFigures {
  /** Of one core, 0 to 1. */
  readonly cpuShare: number;
  readonly probes: number;
  readonly lateMs: { readonly p99: number; readonly max: number };
}

/** One row for the table of results. */
export async function probes(_stage: unknown, say: (text: string) => void): Promise<readonly Row[]> {
  const { cpuShare, lateMs, probes: answered } = await measure();
  const late = `late: p99 ${lateMs.p99.toFixed(0)} ms, at most ${lateMs.max.toFixed(0)} ms`;
  const cpu = `${(cpuShare * 100).toFixed(1)} % of a core`;
  say(`probes: ${answered} in ${measuredMs / 1000} s, ${cpu}, ${late}`);
  const met = cpuShare < 0.15 && lateMs.max < periodMs;
  const limit = 'under 15 % of a core, no probe late by its period';
  return [{ what: `${containers} HTTP probes of 1 s`, podwright: `${cpu}; ${late}`, floor: '', ratio: '', limit, met }];
}

async function measure(): Promise<ProbeFigures> {
  const servers = fork(fileURLToPath(new URL('./probes-servers.ts', import.meta.url)), [String(containers)]);
  try {
    const ports = await message<readonly number[]>(servers);
    const manager = startProbes(ports);
    await delay(warmUpMs);
    const cpuShare = await cpuShareOf(measuredMs);
    await manager.stop();
    servers.send('report');
    const { arrivals } = await message<ServerReport>(servers);
    const late = arrivals.flatMap(lateness).sort((a, b) => a - b);
    const at = (share: number): number => late[Math.floor((late.length - 1) * share)] ?? Number.NaN;
    return { cpuShare, probes: late.length, lateMs: { p99: at(0.99), max: at(1) } };
  } finally {
    servers.kill();
  }
}

async function message<T>(from: ChildProcess): Promise<T> {
  const [value] = (await once(from, 'message')) as [T];
  return value;
}

async function cpuShareOf(ms: number): Promise<number> {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  await delay(ms);
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / 1000 / (performance.now() - start);
}

/** How much later each one came than the grid of its container, which goes through the most punctual of them. */
export function lateness(arrivals: readonly number[]): readonly number[] {
  const offsets = arrivals.map((time, index) => time - index * periodMs);
  const grid = Math.min(...offsets);
  return offsets.map((offset) => offset - grid);
}

function startProbes(ports: readonly number[]): ProbeManager {
  const silent = (): void => undefined;
  const manager = createProbeManager({
    runtime: { execSync: async () => Promise.reject(new Error('no probe of this benchmark runs a command')) },
    events: { event: (_object, _type, reason, text) => console.error(`${reason}: ${text}`) },
    clock: systemClock,
    log: { info: silent, warn: silent, error: silent, debug: silent },
    onChange: silent,
  });
  // As after a restart of the daemon: the first runs are spread over a period.
  const startedAt = Date.now() - 60_000;
  for (const [index, port] of ports.entries()) {
    const pod = podWithProbe(index, port);
    const [container] = pod.spec.containers;
    if (container === undefined) continue;
    manager.update(pod, '127.0.0.1', [{ container, id: `c${index}`, startedAt, previous: undefined }]);
  }
  return manager;
}

function podWithProbe(index: number, port: number): Pod {
  const name = `probed-${index}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: name, labels: {}, annotations: {} },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      nodeName: 'bench',
      volumes: [],
      containers: [
        {
          name: 'app',
          image: 'app:1',
          imagePullPolicy: 'Never',
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          env: [],
          ports: [],
          volumeMounts: [],
          readinessProbe: { httpGet: { port, path: '/healthz' }, periodSeconds: periodMs / 1000 },
        },
      ],
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await probes(undefined, (text) => console.log(text));
