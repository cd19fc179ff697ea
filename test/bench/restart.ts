import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { shell } from '../e2e/manifests.ts';
import { isReady, until, type DaemonHandle } from '../lab/index.ts';
import { namespacePath } from '../lab/names.ts';
import { firstReconcile } from './daemon.ts';
import { removePods, startPods } from './pods.ts';
import { milliseconds, type Row } from './report.ts';
import type { Observation, Observed } from './restart-observer.ts';
import type { Stage } from './stage.ts';
import { median } from './stats.ts';

const podCount = 50;
const rounds = 7;
const warmUps = 1;
const port = 80;

/** Milliseconds from the start of the process. */
interface Restart {
  /** Every pod was looked at and left as it was. */
  readonly reconciled: number;
  /** The local API tells of all pods that they are ready. */
  readonly statuses: number;
  /** A Service that was dropped while no daemon ran answers. */
  readonly service: number;
  /** The first probe of a container has come; the first ones are spread over their period, as the kubelet does it. */
  readonly probe: number;
}

/** A restart as at an upgrade, with pods that run: until the node does again all that it does. */
export async function fullService(stage: Stage, say: (text: string) => void): Promise<readonly Row[]> {
  const { host } = stage;
  await host.exec('ip', ['route', 'add', '192.0.2.0/24', 'dev', 'lo']);
  const observer = startObserver(stage);
  const [probePort] = (await once(observer, 'message')) as [number];
  let daemon = startDaemon(stage);
  await firstReconcile(daemon);
  const { names } = await startPods(stage, podCount - 1, {
    readinessProbe: { httpGet: { host: host.address, port: probePort }, periodSeconds: 1 },
  });
  host.drop('server.yaml', server);
  await until('the pods to be ready', 60_000, async () => (await host.status()).pods.every(isReady));

  const restarts: Restart[] = [];
  const floor: number[] = [];
  for (let round = 1 - warmUps; round <= rounds; round += 1) {
    await daemon.stop();
    const address = `192.0.2.${10 + round}`;
    host.drop('service.yaml', service(round, address));
    if (round > 0) floor.push(emptyStart());
    const observed = answerOf(observer, { address, port, pods: podCount });
    const launched = Date.now();
    daemon = startDaemon(stage);
    const restart = await measured(daemon, observed, launched);
    say(`restart ${round < 1 ? 'warm-up' : round}: ${describe(restart)}`);
    if (round > 0) restarts.push(restart);
  }
  observer.kill();
  host.removeManifest('service.yaml');
  host.removeManifest('server.yaml');
  await removePods(stage, names);
  await daemon.stop();
  return [row(restarts, median(floor))];
}

function row(restarts: readonly Restart[], floor: number): Row {
  const own = median(restarts.map((restart) => fullAfter(restart)));
  return {
    what: `restart with ${podCount} pods to full service: statuses, Services, probes`,
    podwright: milliseconds(own),
    floor: `\`node -e 0\`: ${milliseconds(floor)}`,
    ratio: (own / floor).toFixed(1),
    limit: 'under 1,500 ms',
    met: own < 1_500,
  };
}

function fullAfter({ reconciled, statuses, service, probe }: Restart): number {
  return Math.max(reconciled, statuses, service, probe);
}

function describe({ reconciled, statuses, service, probe }: Restart): string {
  const parts = { 'pods known again': reconciled, 'statuses told': statuses, 'new Service answers': service, probe };
  return Object.entries(parts)
    .map(([what, time]) => `${what} after ${milliseconds(time)}`)
    .join(', ');
}

async function measured(daemon: DaemonHandle, answer: Promise<Observed>, launched: number): Promise<Restart> {
  const { statuses, service, probe } = await answer;
  const reconciled = Date.parse((await firstReconcile(daemon)).time);
  return {
    ...{ reconciled: reconciled - launched, statuses: statuses - launched },
    ...{ service: service - launched, probe: probe - launched },
  };
}

/** What this machine needs for a process of Node.js that does nothing. */
function emptyStart(): number {
  const start = performance.now();
  spawnSync(process.execPath, ['--eval', '0']);
  return performance.now() - start;
}

function startDaemon({ host }: Stage): DaemonHandle {
  return host.startDaemon({ podwright: { serviceClusterIPRange: '192.0.2.0/24' } });
}

function startObserver({ host }: Stage): ChildProcess {
  const program = fileURLToPath(new URL('./restart-observer.ts', import.meta.url));
  const command = [process.execPath, '--import', 'tsx', program, host.podwrightSocket];
  return spawn('nsenter', [`--net=${namespacePath(host.netns)}`, ...command], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

async function answerOf(observer: ChildProcess, observation: Observation): Promise<Observed> {
  const answer = once(observer, 'message');
  observer.send(observation);
  const [observed] = (await answer) as [Observed];
  return observed;
}

const server = {
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'server', labels: { app: 'server' } } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [shell('web', `trap "exit 0" TERM; nc -ll -p ${port} -e cat & wait`)],
  },
};

/** Another one in each round. */
function service(round: number, clusterIP: string): object {
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: `web-${round + warmUps}` } },
    spec: { clusterIP, selector: { app: 'server' }, ports: [{ port }] },
  };
}
