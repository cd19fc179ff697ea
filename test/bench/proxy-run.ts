import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createNamespaces, netnsPath } from '../host/cni/namespaces.ts';
import { cpuMs, rssMb } from './daemon.ts';
import type { LabAnswer, LabCommand } from './proxy-lab.ts';
import { podNetwork, serviceNetwork } from './proxy-objects.ts';
import { metricsPort, type Subject } from './proxy-subjects.ts';

/** Figures of one proxy in one network namespace. Times in milliseconds, memory in MB. */
export interface Run {
  readonly fullMs: number;
  readonly syncMs: number;
  readonly changeMs: number;
  /** A while after the change, when it rests. */
  readonly rssMb: number;
  readonly peakMb: number;
  /** Programs that it said it started, of the start and of the change. */
  readonly programs: { readonly start: readonly string[]; readonly change: readonly string[] };
}

export interface RunOptions {
  /** For logs. */
  readonly directory: string;
  readonly variantPath: string;
  readonly services: number;
  /** From when it has nothing to do any more to the measurement of its memory. */
  readonly restMs: number;
}

/** Starts a proxy with so many Services, changes one endpoint, and ends it. */
export async function runSubject(subject: Subject, options: RunOptions): Promise<Run> {
  const { directory, variantPath, services, restMs } = options;
  const namespaces = createNamespaces('bench');
  const children: ChildProcess[] = [];
  const start = (stdio: 'ipc' | 'log', env: NodeJS.ProcessEnv, ...command: readonly string[]): ChildProcess => {
    const log = openSync(join(directory, 'stderr.log'), 'a');
    const child = spawn('nsenter', [`--net=${netnsPath(namespaces.host)}`, ...command], {
      stdio: stdio === 'ipc' ? ['ignore', 'inherit', 'inherit', 'ipc'] : ['ignore', 'pipe', log],
      env: { ...process.env, ...env },
    });
    children.push(child);
    return child;
  };
  try {
    // Both ends of each connection are here: what a proxy translates to must be an address of the namespace.
    for (const network of [podNetwork, serviceNetwork]) {
      namespaces.run(namespaces.host, 'ip', 'address', 'add', network, 'dev', 'lo');
    }
    const lab = start('ipc', {}, ...labCommand);
    const { port } = await ask(lab, 'port', { do: 'start', services, metricsPort });
    const path = `${variantPath}:${process.env['PATH'] ?? ''}`;
    const proxy = start('log', { PATH: path }, ...subject.command(port));
    const programs = followLines(proxy);
    const full = await Promise.race([receive(lab, 'fullMs'), failed(proxy, subject)]);
    await untilIdle(proxy);
    const startPrograms = programs.splice(0);
    const { changeMs } = await ask(lab, 'changeMs', { do: 'change' });
    await untilIdle(proxy);
    await delay(restMs);
    return {
      ...{ fullMs: full.fullMs, syncMs: full.syncMs, changeMs },
      rssMb: rssMb(proxy.pid ?? 0),
      peakMb: peakMb(proxy.pid ?? 0),
      programs: { start: startPrograms, change: programs },
    };
  } finally {
    await Promise.all(children.map(stop));
    namespaces.remove();
  }
}

const labCommand = [process.execPath, '--import', 'tsx', fileURLToPath(new URL('./proxy-lab.ts', import.meta.url))];

type AnswerWith<K extends string> = Extract<LabAnswer, Readonly<Record<K, number>>>;

async function ask<K extends string>(lab: ChildProcess, key: K, command: LabCommand): Promise<AnswerWith<K>> {
  const answer = receive(lab, key);
  lab.send(command);
  return answer;
}

async function receive<K extends string>(lab: ChildProcess, key: K): Promise<AnswerWith<K>> {
  const gone = once(lab, 'exit').then(() => Promise.reject(new Error(`the lab ended before it told ${key}`)));
  const [answer] = (await Promise.race([once(lab, 'message'), gone])) as [AnswerWith<K>];
  return answer;
}

async function failed(proxy: ChildProcess, { name }: Subject): Promise<never> {
  const [code] = (await once(proxy, 'exit')) as [number | null];
  throw new Error(`${name} ended with ${code ?? 'a signal'}: see its log`);
}

function followLines(child: ChildProcess): string[] {
  const lines: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  return lines;
}

/** No program runs and next to no time is spent, for two seconds: more than the least time between two syncs. */
async function untilIdle({ pid = 0 }: ChildProcess): Promise<void> {
  for (let idle = 0, before = cpuMs(pid); idle < 4;) {
    await delay(500);
    const now = cpuMs(pid);
    idle = now - before < 30 && !hasChildren(pid) ? idle + 1 : 0;
    before = now;
  }
}

function hasChildren(pid: number): boolean {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.some((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8') !== '');
}

function peakMb(pid: number): number {
  const [, kib] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kib) * 1024) / 1e6;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
