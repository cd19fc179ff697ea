import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createNodes, type MeasuredNode, type Nodes } from './kubelet-nodes.ts';
import type { PeerPrograms } from './kubelet-peer.ts';
import { milliseconds, type Row } from './report.ts';
import { median } from './stats.ts';

/*
 * Podwright beside the kubelet 1.20.2 with dockershim: nodes of one cluster on test hosts alike, each with a dockerd of its own.
 * They are measured in turn, and while one is, the other has no pods.
 */

const singles = 15;
const warmUps = 2;
const bursts = 3;
const burstSize = 50;
const idleSeconds = 60;

export type Say = (text: string) => void;

/** All that was measured of one thing. */
export interface Figures {
  readonly podwright: number[];
  readonly kubelet: number[];
}

export const sides = ['podwright', 'kubelet'] as const;

/** One pod at a time. */
export async function kubeletPods(_stage: unknown, say: Say): Promise<readonly Row[]> {
  return onNodes(say, measureSingles);
}

/** Many pods at once, and what they cost when nothing happens. */
export async function kubeletLoad(_stage: unknown, say: Say): Promise<readonly Row[]> {
  return onNodes(say, measureBursts);
}

/** @returns no rows when there is no kubelet to be had */
export async function onNodes(
  say: Say,
  measure: (nodes: Nodes, say: Say) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const programs = findPrograms(say);
  if (programs === undefined) return [];
  const nodes = await createNodes(programs);
  try {
    return await measure(nodes, say);
  } finally {
    nodes.remove();
  }
}

/** @returns undefined, with the reason told, when they can neither be found nor made */
function findPrograms(say: Say): PeerPrograms | undefined {
  const script = fileURLToPath(new URL('../kubernetes.sh', import.meta.url));
  try {
    const command = [script, 'kubelet', 'kube-proxy', 'cni-plugins'];
    const text = execFileSync('bash', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    const [kubelet = '', kubeProxy = '', cniPlugins = ''] = text.split('\n');
    return { kubelet, kubeProxy, cniPlugins };
  } catch (error) {
    say(`kubelet: skipped, for the peer cannot be built: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** Between two pods a time of some length, so that no periodic look of a kubelet is met always or never. */
async function measureSingles(nodes: Nodes, say: Say): Promise<readonly Row[]> {
  const starts: Figures = { podwright: [], kubelet: [] };
  const ends: Figures = { podwright: [], kubelet: [] };
  for (let round = 1 - warmUps; round <= singles; round += 1) {
    for (const side of sides) {
      const name = `single-${side}-${round + warmUps}`;
      const [start = Number.NaN] = await nodes.create(nodes[side], [name]);
      await restAWhile(round);
      const [end = Number.NaN] = await nodes.delete([name]);
      await restAWhile(round);
      say(
        `${side} ${round < 1 ? 'warm-up' : round}: runs after ${milliseconds(start)}, gone after ${milliseconds(end)}`,
      );
      if (round < 1) continue;
      starts[side].push(start);
      ends[side].push(end);
    }
  }
  return [
    ratioRow('pod created to status Running, one at a time', starts, milliseconds, { atMost: 0.6 }),
    ratioRow('pod deleted to gone, one at a time', ends, milliseconds, { atMost: 0.7 }),
  ];
}

async function restAWhile(round: number): Promise<void> {
  await delay(1_500 + (((round + warmUps) * 370) % 1_000));
}

async function measureBursts(nodes: Nodes, say: Say): Promise<readonly Row[]> {
  const rates: Figures = { podwright: [], kubelet: [] };
  const cpu: Figures = { podwright: [], kubelet: [] };
  const memory: Figures = { podwright: [], kubelet: [] };
  for (let round = 1; round <= bursts; round += 1) {
    for (const side of sides) {
      const names = Array.from({ length: burstSize }, (_, index) => `burst-${side}-${round}-${index}`);
      const times = await nodes.create(nodes[side], names);
      rates[side].push((burstSize * 1000) / Math.max(...times));
      say(`${side}, burst ${round}: ${perSecond(rates[side].at(-1) ?? 0)}`);
      if (round === bursts) await measureIdle(nodes[side], { cpu: cpu[side], memory: memory[side] }, say);
      const ends = await nodes.delete(names);
      say(`${side}, burst ${round}: all gone after ${milliseconds(Math.max(...ends))}`);
      await delay(20_000);
    }
  }
  return [
    ratioRow(`burst of ${burstSize}, pods to status Running`, rates, perSecond, { atLeast: 1.3 }),
    ratioRow(`CPU with ${burstSize} idle pods`, cpu, (value) => `${value.toFixed(2)} % of a core`, { atMost: 0.25 }),
    ratioRow(
      `memory (RSS) with ${burstSize} idle pods; kubelet and kube-proxy`,
      memory,
      (mb) => `${mb.toFixed(0)} MB`,
      {
        atMost: 1,
      },
    ),
  ];
}

async function measureIdle(
  node: MeasuredNode,
  figures: { readonly cpu: number[]; readonly memory: number[] },
  say: Say,
): Promise<void> {
  await delay(30_000);
  const before = node.cpuMs();
  await delay(idleSeconds * 1000);
  figures.cpu.push((node.cpuMs() - before) / (idleSeconds * 10));
  const parts = node.rssMb();
  figures.memory.push(parts.reduce((sum, part) => sum + part, 0));
  const mb = parts.map((part) => part.toFixed(0)).join(' + ');
  say(`${node.name} idle: ${figures.cpu.at(-1)?.toFixed(2) ?? ''} % of a core, ${mb} MB`);
}

type Limit = { readonly atMost: number } | { readonly atLeast: number };

export function ratioRow(what: string, values: Figures, render: (value: number) => string, limit: Limit): Row {
  const own = median(values.podwright);
  const other = median(values.kubelet);
  const ratio = own / other;
  return {
    ...{ what, podwright: render(own), floor: `kubelet: ${render(other)}`, ratio: ratio.toFixed(2) },
    limit: 'atMost' in limit ? `at most ${limit.atMost}` : `at least ${limit.atLeast}`,
    met: 'atMost' in limit ? ratio <= limit.atMost : ratio >= limit.atLeast,
  };
}

function perSecond(value: number): string {
  return `${value.toFixed(1)} /s`;
}
