import { get } from 'node:http';
import { json } from 'node:stream/consumers';
import { createInterface } from 'node:readline';
import { systemClock } from '../../agent/clock.ts';
import { exec } from '../../cni/util/exec.ts';
import { createProxy } from '../../proxy/index.ts';
import { PROXY_MODES } from '../../proxy/mode.ts';
import type { ServiceInput, SliceInput } from '../../proxy/services/input.ts';
import { servicesPath, slicesPath } from './proxy-api.ts';
import { nodeIp, nodeName, podNetwork } from './proxy-objects.ts';

/*
 * Podwright's proxy alone, in a process as the daemon's: bundled code on a plain node. Arguments: URL of the API server, mode,
 * `IP:PORT` of the metrics. Writes each external program that it starts to stdout, a line each.
 */

const [, , api = '', wanted = '', metricsAddress = ''] = process.argv;
const mode = PROXY_MODES.find((one) => one === wanted);
if (mode === undefined) throw new Error(`no such mode: ${wanted}`);

const report = (fields: object, message: string): void => console.error(message, fields);
const proxy = createProxy({
  exec: async (request, signal) => {
    console.log([request.file, ...request.args].join(' '));
    return exec(request, signal);
  },
  log: { info: () => undefined, warn: report, error: report },
  clock: systemClock,
  ...{ mode, nodeName, metricsAddress, healthzAddress: '', nodeLabels: {}, minSyncPeriodMs: 1_000 },
  // As the peer is told: no periodic look falls into a measurement.
  syncPeriodMs: 3_600_000,
  nodeAddresses: { primary: [nodeIp], all: [nodeIp] },
  config: {
    detectLocalMode: 'ClusterCIDR',
    clusterCidrs: [podNetwork],
    podCidrs: [],
    bridgeInterface: '',
    interfaceNamePrefix: '',
    masqueradeAll: false,
    masqueradeBit: 14,
    nodePortAddresses: [],
    localhostNodePorts: false,
  },
});

interface Named {
  readonly metadata: { readonly namespace: string; readonly name: string };
}

const keyOf = ({ metadata }: Named): string => `${metadata.namespace}/${metadata.name}`;

async function list<T extends Named>(path: string): Promise<ReadonlyMap<string, T>> {
  const { items } = (await json(await open(path))) as { readonly items: readonly T[] };
  return new Map(items.map((item) => [keyOf(item), item]));
}

async function open(path: string): Promise<NodeJS.ReadableStream> {
  return new Promise((resolve, reject) => get(api + path, resolve).on('error', reject));
}

async function followSlices(): Promise<void> {
  const lines = createInterface({ input: await open(`${slicesPath}?watch=true`) });
  lines.on('line', (line) => {
    const { object } = JSON.parse(line) as { readonly object: SliceInput };
    proxy.update({ slices: new Map([[keyOf(object), object]]) });
  });
}

const end = new AbortController();
process.once('SIGTERM', () => end.abort());
const [services, slices] = await Promise.all([
  list<ServiceInput>(servicesPath),
  list<SliceInput>(slicesPath),
  // As in the daemon: the mode is chosen while the sources are still asked.
  proxy.start(end.signal),
]);
proxy.update({ services, slices });
proxy.synced();
await followSlices();
await proxy.ended();
process.exit();
