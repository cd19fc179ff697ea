import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../agent/clock.ts';
import { createAddressWatch, type HostAddresses } from '../../../agent/node/address-watch.ts';
import { createProxy } from '../../../proxy/index.ts';
import { until } from '../../lab/index.ts';
import { createLines } from '../../unit/proxy/proxy-helpers.ts';
import { service, slice } from '../../unit/proxy/services/helpers.ts';
import { createNamespaces, type Namespaces, netnsPath } from '../cni/namespaces.ts';
import { ask, connectPeer, type Peer, serve } from '../cni/traffic.ts';

let spaces: Namespaces;
let peer: Peer;
const stop = new AbortController();
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  spaces = createNamespaces('addr');
  ends.push(() => spaces.remove());
  peer = connectPeer(spaces);
  spaces.run(spaces.host, 'ip', 'addr', 'add', '203.0.113.5/32', 'dev', 'lo');
  ends.unshift((await serve(spaces.host, 8080, 'web')).stop);
});
afterAll(async () => {
  stop.abort();
  for (const end of ends) await end();
});

/** What `readHostAddresses` tells, of the namespace. */
async function read(): Promise<HostAddresses> {
  const { stdout } = await spaces.exec({ file: 'ip', args: ['-j', '-4', 'addr', 'show', 'dev', 'up0'] }, stop.signal);
  const links = JSON.parse(stdout) as readonly { readonly addr_info?: readonly { readonly local: string }[] }[];
  const all = links.flatMap(({ addr_info = [] }) => addr_info.map(({ local }) => local));
  return { primary: all.slice(0, 1), all };
}

test('a node port answers on an address that the host gets while it runs, and no more when it is gone', async () => {
  const log = createLines();
  const addresses = createAddressWatch({
    ...{ initial: await read(), read, clock: systemClock, log },
    command: ['nsenter', `--net=${netnsPath(spaces.host)}`, 'ip', '-o', 'monitor', 'address'],
  });
  const watching = addresses.run(stop.signal);
  ends.unshift(() => watching);
  const proxy = createProxy({
    exec: spaces.exec,
    ...{ mode: 'nftables', nodeName: 'node-a', nodeLabels: {}, nodeAddresses: addresses.current() },
    config: {
      ...{ detectLocalMode: 'ClusterCIDR', clusterCidrs: [], podCidrs: [], bridgeInterface: '' },
      ...{ interfaceNamePrefix: '', masqueradeAll: false, masqueradeBit: 14, localhostNodePorts: false },
      nodePortAddresses: ['198.51.100.0/24'],
    },
    ...{ healthzAddress: '', metricsAddress: '', syncPeriodMs: 600_000, minSyncPeriodMs: 100, clock: systemClock, log },
    sysctls: { read: () => Promise.resolve('1'), write: () => Promise.resolve() },
  });
  addresses.subscribe((changed) => proxy.updateNode({ addresses: changed }));
  const ports = [{ port: 80, nodePort: 30_080 }];
  const web = service({ type: 'NodePort', clusterIP: '192.0.2.10', ports });
  proxy.update({
    services: new Map([['lab/web', web]]),
    slices: new Map([['lab/web', slice([{ addresses: ['203.0.113.5'], nodeName: 'node-a' }])]]),
  });
  proxy.synced();
  await proxy.start(stop.signal);
  ends.unshift(() => proxy.ended());

  const answer = (to: string): string => ask(spaces, { from: peer.name, to, port: 30_080, waitMs: 1_000 });
  await until('the node port to answer', 30_000, () => answer('198.51.100.1').startsWith('web '));
  expect(answer('198.51.100.7')).toBe('no answer');
  spaces.run(spaces.host, 'ip', 'addr', 'add', '198.51.100.7/24', 'dev', 'up0');
  // The look without an event comes after 30 s.
  await until('the new address to answer', 25_000, () => answer('198.51.100.7').startsWith('web '));
  expect(addresses.current().all).toEqual(['198.51.100.1', '198.51.100.7']);
  spaces.run(spaces.host, 'ip', 'addr', 'del', '198.51.100.7/24', 'dev', 'up0');
  await until('the address to be gone', 25_000, () => addresses.current().all.length === 1);
}, 120_000);
