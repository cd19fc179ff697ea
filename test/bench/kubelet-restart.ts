import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TestHost } from '../lab/index.ts';
import { namespacePath } from '../lab/names.ts';
import type { MeasuredNode, Nodes } from './kubelet-nodes.ts';
import { type Figures, onNodes, ratioRow, type Say, sides } from './kubelet.ts';
import type { AllAsked } from './probe-counter.ts';
import { milliseconds, type Row } from './report.ts';

const podCount = 50;
const rounds = 5;

/** The node's agent is restarted with pods that run: until it has probed each of them. First probes are spread over a second. */
export async function kubeletRestart(_stage: unknown, say: Say): Promise<readonly Row[]> {
  return onNodes(say, measureRestarts);
}

async function measureRestarts(nodes: Nodes, say: Say): Promise<readonly Row[]> {
  const times: Figures = { podwright: [], kubelet: [] };
  const counters = { podwright: startCounter(nodes.podwright.host), kubelet: startCounter(nodes.kubelet.host) };
  for (const side of sides) {
    const [port] = (await once(counters[side], 'message')) as [number];
    const names = Array.from({ length: podCount }, (_, index) => `restart-${side}-${index}`);
    await nodes.create(nodes[side], names, { host: nodes[side].host.address, port });
    say(`${side}: ${podCount} pods run`);
  }
  for (let round = 0; round <= rounds; round += 1) {
    for (const side of sides) {
      const time = await restart(nodes[side], counters[side]);
      say(`${side}, restart ${round === 0 ? 'warm-up' : round}: each pod probed after ${milliseconds(time)}`);
      if (round > 0) times[side].push(time);
    }
  }
  for (const side of sides) counters[side].kill();
  return [ratioRow(`restart with ${podCount} pods until each is probed again`, times, milliseconds, { atMost: 1 })];
}

async function restart({ restart: begin }: MeasuredNode, counter: ChildProcess): Promise<number> {
  counter.send(podCount);
  await once(counter, 'message'); // all pods are probed before
  const launched = await begin();
  const all = once(counter, 'message');
  counter.send(podCount);
  const [last] = (await all) as [AllAsked];
  return last - launched;
}

function startCounter({ netns }: TestHost): ChildProcess {
  const program = fileURLToPath(new URL('./probe-counter.ts', import.meta.url));
  const command = [`--net=${namespacePath(netns)}`, process.execPath, '--import', 'tsx', program];
  return spawn('nsenter', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}
