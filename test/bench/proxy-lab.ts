import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { serveProxyApi } from './proxy-api.ts';
import { createService, createSlice } from './proxy-objects.ts';
import { untilReached } from './proxy-reach.ts';

/*
 * A process in the network namespace of a proxy that is measured: its API server, and a client of its Services. It is told what
 * to do over IPC, one command after the other: `start` (once), `change` (once).
 */

export type LabCommand =
  { readonly do: 'start'; readonly services: number; readonly metricsPort: number } | { readonly do: 'change' };

/** Answers in the order of the commands; `start` has two. Times are milliseconds. */
export type LabAnswer =
  | { readonly port: number }
  /**
   * From the end of the lists, as the API server sent them, to the first connection to a Service; and what the proxy itself says
   * that its sync took.
   */
  | { readonly fullMs: number; readonly syncMs: number }
  /** From the event to the first connection to the endpoint that is new. */
  | { readonly changeMs: number };

const timeoutMs = 180_000;

const answer = (value: LabAnswer): void => void process.send?.(value);

const [start] = (await once(process, 'message')) as [LabCommand];
if (start.do !== 'start') throw new Error('the first command is start');
const api = await serveProxyApi(start.services);
answer({ port: api.port });
const index = Math.floor(start.services / 2);
const { clusterIP, ports } = createService(index).spec;
const service = { host: clusterIP, port: ports[0]?.port ?? 0 };

const reached = async (slice: ReturnType<typeof createSlice>): Promise<number> => {
  const endpoint = { host: slice.endpoints[0]?.addresses[0] ?? '', port: slice.ports[0]?.port ?? 0 };
  return untilReached(service, endpoint, AbortSignal.timeout(timeoutMs));
};

const listedAt = await api.listed();
const fullMs = (await reached(createSlice(index))) - listedAt;
answer({ fullMs, syncMs: await readSyncMs(start.metricsPort) });
await once(process, 'message');
const changed = createSlice(index, true);
const changedAt = performance.now();
api.change(changed);
answer({ changeMs: (await reached(changed)) - changedAt });
process.on('disconnect', () => api.close());

/** The mean of all syncs, of which there was one; both proxies have the metric by the same name, podwright for each family. */
async function readSyncMs(port: number): Promise<number> {
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const count = readMetric(text, 'count');
    if (count > 0) return (readMetric(text, 'sum') / count) * 1000;
    await delay(50);
  }
}

function readMetric(text: string, suffix: 'count' | 'sum'): number {
  const line = new RegExp(
    `^kubeproxy_sync_proxy_rules_duration_seconds_${suffix}(?:\\{ip_family="IPv4"\\})? (\\S+)$`,
    'm',
  );
  return Number(line.exec(text)?.[1] ?? 0);
}
