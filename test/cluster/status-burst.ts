import { pino } from 'pino';
import { type ApiObject, createApiClient, kubeconfigReader, resources } from '../../agent/api/index.ts';
import { systemClock } from '../../agent/clock.ts';
import { podFromApi } from '../../agent/sources/api-pod.ts';
import { createStatusWriter } from '../../agent/status/writer.ts';

/*
 * Brings statuses to a real API server as a node does, when those of all pods with the label `burst` change ten times in a second:
 *
 *     status-burst.ts KUBECONFIG PODS
 *
 * Ends when the server shows the last one of each pod, and prints how many requests it took.
 */

const [kubeconfig = '', count = ''] = process.argv.slice(2);
const rounds = 10;
const log = pino({ level: 'warn' }, process.stderr);
const client = createApiClient({
  ...{ connection: kubeconfigReader(kubeconfig), clock: systemClock, log, userAgent: 'podwright-test/status-burst' },
});
let requests = 0;
const writer = createStatusWriter({
  log,
  client: {
    ...client,
    patch: async (...args) => {
      requests += 1;
      return client.patch(...args);
    },
  },
});
const pods = new Map<string, ApiObject>();
const end = new AbortController();

function seen(object: ApiObject): void {
  pods.set(object.metadata.uid ?? '', object);
  writer.seen(object);
  const messages = [...pods.values()].map(({ status }) => (status as { readonly message?: string }).message);
  if (messages.length === Number(count) && messages.every((message) => message === `${rounds}`)) end.abort();
}

async function change(): Promise<void> {
  for (let round = 1; round <= rounds; round += 1) {
    for (const object of pods.values()) {
      writer.published(podFromApi(object, 0), { phase: 'Running', message: `${round}` });
    }
    await systemClock.sleep(1_000 / rounds, end.signal).catch(() => undefined);
  }
}

const handler = {
  listed: (items: readonly ApiObject[]): void => {
    items.forEach(seen);
    void change();
  },
  applied: seen,
  deleted: (): void => undefined,
};
const selection = { namespace: 'default', labelSelector: 'burst' };
await client.follow(resources.pods, selection, handler, end.signal).catch(() => undefined);
await writer.stop();
await client.close();
console.log(JSON.stringify({ pods: pods.size, changes: pods.size * rounds, requests }));
