import { createServer, request } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/*
 * A process in the network namespace of a host that sees from outside what a daemon does there. Argument: the daemon's socket. Over
 * IPC it tells the port of a server that takes all probes; then it is told what to wait for, again and again.
 */

export interface Observation {
  /** A cluster IP. */
  readonly address: string;
  readonly port: number;
  /** Ready ones. */
  readonly pods: number;
}

/** Milliseconds since the epoch. */
export interface Observed {
  /** The local API tells of all pods that they are ready. */
  readonly statuses: number;
  /** A connection to the cluster IP was made. */
  readonly service: number;
  /** The first probe has come. */
  readonly probe: number;
}

const socketPath = process.argv[2] ?? '';
const pauseMs = 10;
const attemptMs = 30;
let probedAt: number | undefined;

const server = createServer((_, response) => {
  probedAt ??= Date.now();
  response.end();
});
server.listen(0, () => process.send?.((server.address() as AddressInfo).port));
process.on('message', (observation: Observation) => {
  probedAt = undefined;
  void observe(observation).then((observed) => process.send?.(observed));
});

process.on('disconnect', () => process.exit());

async function observe({ address, port, pods }: Observation): Promise<Observed> {
  const [statuses, service, probe] = await Promise.all([
    firstTime(async () => (await readyPods()) >= pods),
    firstTime(async () => answers(address, port)),
    firstTime(async () => Promise.resolve(probedAt !== undefined)),
  ]);
  return { statuses, service, probe: probedAt ?? probe };
}

async function firstTime(holds: () => Promise<boolean>): Promise<number> {
  while (!(await holds())) await delay(pauseMs);
  return Date.now();
}

/** By their statuses; -1 while nobody answers. */
async function readyPods(): Promise<number> {
  const text = await new Promise<string>((resolve) => {
    const asked = request({ socketPath, path: '/api/v1/pods', agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.once('end', () => resolve(body));
    });
    asked.once('error', () => resolve('')).end();
  });
  if (text === '') return -1;
  const { items } = JSON.parse(text) as PodList;
  return items.filter((pod) => pod.status?.conditions?.some(isReady)).length;
}

interface Condition {
  readonly type: string;
  readonly status: string;
}

interface PodList {
  readonly items: readonly { readonly status?: { readonly conditions?: readonly Condition[] } }[];
}

function isReady({ type, status }: Condition): boolean {
  return type === 'Ready' && status === 'True';
}

async function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (isMade: boolean): void => {
      socket.destroy();
      resolve(isMade);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
    socket.setTimeout(attemptMs, () => end(false)); // without a rule nobody refuses
  });
}
