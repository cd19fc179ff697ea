import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProxy, type Proxy, type ProxyMode, removeServiceRules } from '../../../proxy/index.ts';
import { createLines } from '../../unit/proxy/proxy-helpers.ts';
import { service, slice } from '../../unit/proxy/services/helpers.ts';
import { systemClock } from '../../../agent/clock.ts';
import { createNamespaces, type Namespaces } from '../cni/namespaces.ts';

let spaces: Namespaces;
beforeAll(() => {
  spaces = createNamespaces('modes');
});
afterAll(() => spaces.remove());

const signal = new AbortController().signal;

/** What the kernel holds of Services, by mode. */
function rules(): Readonly<Record<'iptables' | 'nftables', boolean>> {
  return {
    iptables: spaces.run(spaces.host, 'iptables-save').includes('KUBE-SVC-'),
    nftables: spaces.run(spaces.host, 'nft', 'list', 'tables').includes('kube-proxy'),
  };
}

/** Runs a proxy with one Service until the kernel is at the plan and other modes' rules are gone. */
async function runUntilSettled(mode: ProxyMode | 'auto'): Promise<string> {
  const stop = new AbortController();
  const proxy: Proxy = createProxy({
    exec: spaces.exec,
    mode,
    nodeName: 'node-a',
    nodeLabels: {},
    nodeAddresses: { primary: ['203.0.113.7'], all: [] },
    config: {
      detectLocalMode: 'ClusterCIDR',
      clusterCidrs: [],
      podCidrs: [],
      bridgeInterface: '',
      interfaceNamePrefix: '',
      masqueradeAll: false,
      masqueradeBit: 14,
      nodePortAddresses: [],
      localhostNodePorts: false,
    },
    healthzAddress: '',
    metricsAddress: '',
    syncPeriodMs: 30_000,
    minSyncPeriodMs: 1_000,
    clock: systemClock,
    log: createLines(),
    sysctls: { read: () => Promise.resolve('1'), write: () => Promise.resolve() },
  });
  const chosen = await proxy.start(stop.signal);
  proxy.update({
    services: new Map([['lab/web', service()]]),
    slices: new Map([['lab/web-1', slice([{ addresses: ['198.51.100.1'] }])]]),
  });
  proxy.synced();
  const other = chosen.mode === 'iptables' ? 'nftables' : 'iptables';
  await expect.poll(() => proxy.isSettled() && !rules()[other], { timeout: 20_000 }).toBe(true);
  stop.abort();
  await proxy.ended();
  return chosen.reason;
}

test('a switch of the mode leaves the rules of one, and stopping leaves them', async () => {
  await runUntilSettled('iptables');
  expect(rules()).toEqual({ iptables: true, nftables: false });
  expect(await runUntilSettled('auto')).toBe('nftables is the best that works here');
  expect(rules()).toEqual({ iptables: false, nftables: true });
  await runUntilSettled('iptables');
  expect(rules()).toEqual({ iptables: true, nftables: false });
  await removeServiceRules(spaces.exec, signal);
  expect(rules()).toEqual({ iptables: false, nftables: false });
});

test('IPVS is refused with what is missing', async () => {
  await expect(runUntilSettled('ipvs')).rejects.toThrow(
    /'ipvs' cannot work on this host\. ipvs: .+Modes that work here/,
  );
});
