import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type ApiObject, createApiClient, resources } from '../../agent/api/index.ts';
import { systemClock } from '../../agent/clock.ts';
import { sleepingPod, type ProbeTarget } from './kubelet-pods.ts';

/*
 * A process in the network namespace of a control plane: makes pods that are bound already, deletes them, and sees by a watch
 * when they run and when they are gone. It is told what to do over IPC, one command after the other. Argument: a kubeconfig.
 */

export type ClientCommand =
  | { readonly do: 'create'; readonly node: string; readonly names: readonly string[]; readonly probed?: ProbeTarget }
  | { readonly do: 'delete'; readonly names: readonly string[] }
  | { readonly do: 'podCidr'; readonly node: string };

/** Milliseconds from the first request to what was seen of each pod, in the order of the names; or the node's `podCIDR`. */
export type ClientAnswer = { readonly elapsedMs: readonly number[] } | { readonly podCidr: string };

interface PodObject extends ApiObject {
  readonly status: { readonly phase?: string };
}

const signal = AbortSignal.timeout(3_600_000);
setMaxListeners(0, signal); // each call of a burst is one
const deadlineMs = 180_000;
const ignore = (): void => undefined;
const client = createApiClient({
  ...{ connection: process.argv[2] ?? '', clock: systemClock, userAgent: 'podwright-bench' },
  log: { info: ignore, warn: ignore },
});
const running = new Map<string, number>();
const gone = new Map<string, number>();

const seen = ({ metadata, status }: PodObject): void => {
  if (status.phase === 'Running' && !running.has(metadata.name)) running.set(metadata.name, performance.now());
};
await new Promise<void>((resolve) => {
  const listed = (pods: readonly PodObject[]): void => {
    pods.forEach(seen);
    resolve();
  };
  const deleted = ({ metadata }: PodObject): void => void gone.set(metadata.name, performance.now());
  void client.follow<PodObject>(resources.pods, { namespace: 'default' }, { listed, applied: seen, deleted }, signal);
});
process.on('message', (command: ClientCommand) => void obey(command).then((answer) => process.send?.(answer)));
process.on('disconnect', () => process.exit());
process.send?.({ elapsedMs: [] } satisfies ClientAnswer);

async function obey(command: ClientCommand): Promise<ClientAnswer> {
  if (command.do === 'podCidr') return { podCidr: await podCidrOf(command.node) };
  const start = performance.now();
  if (command.do === 'create') {
    const pods = command.names.map((name) => sleepingPod(name, command.node, command.probed));
    await Promise.all(pods.map(async (pod) => client.create(resources.pods, { namespace: 'default' }, pod, signal)));
    return { elapsedMs: await timesOf(running, command.names, start) };
  }
  const paths = command.names.map((name) => ({ namespace: 'default', name }));
  await Promise.all(paths.map(async (path) => client.delete(resources.pods, path, {}, signal)));
  return { elapsedMs: await timesOf(gone, command.names, start) };
}

/** Looks only at what the watch has noted: nothing is measured by it. */
async function timesOf(
  times: ReadonlyMap<string, number>,
  names: readonly string[],
  start: number,
): Promise<readonly number[]> {
  for (const deadline = start + deadlineMs; names.some((name) => !times.has(name)); await delay(20)) {
    if (performance.now() < deadline) continue;
    throw new Error(`not within ${deadlineMs} ms: ${names.filter((name) => !times.has(name)).join(', ')}`);
  }
  return names.map((name) => (times.get(name) ?? Number.NaN) - start);
}

async function podCidrOf(name: string): Promise<string> {
  for (;;) {
    const node = await client.get(resources.nodes, { name }, signal).catch(ignore);
    const { podCIDR } = (node?.['spec'] ?? {}) as { readonly podCIDR?: string };
    if (podCIDR !== undefined) return podCIDR;
    await delay(200);
  }
}
