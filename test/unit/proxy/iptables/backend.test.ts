import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createIptablesBackend } from '../../../../proxy/iptables/index.ts';
import type { Endpoint, ProxySettings, ServicePortPlan } from '../../../../proxy/types.ts';
import { createFakeKernel, type FakeKernel } from './kernel.ts';
import { endpoint, LOCAL, manyPorts, planOf, port, REMOTE } from './plans.ts';

const { signal } = new AbortController();

function start() {
  const kernel = createFakeKernel();
  return { kernel, backend: createIptablesBackend({ exec: kernel.exec, family: 4 }) };
}

/** What a new daemon makes of a plan in an empty kernel. */
async function freshDump(services: readonly ServicePortPlan[], settings: Partial<ProxySettings> = {}): Promise<string> {
  const { kernel, backend } = start();
  await backend.sync(planOf(services, settings), true, signal);
  return kernel.dump();
}

const programs = (kernel: FakeKernel): string[] => kernel.runs.splice(0).map(({ file }) => file);

/** Rules in chains that are not built in. */
function rulesByTable(kernel: FakeKernel): Readonly<Record<string, number>> {
  const tables = kernel.dump().split(/^\*/m).slice(1);
  const counts = tables.map((text) => [text.split('\n')[0] ?? '', text.match(/^-A KUBE-/gm)?.length ?? 0] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

const restoreArgs = ['--noflush', '-w', '5', '--counters'];

describe('sync', () => {
  const web = port([LOCAL, REMOTE], { nodePort: 30_080 });
  const other = port([REMOTE], { name: 'other', clusterIp: '192.0.2.11' });

  test('is full at first, then writes what changed', async () => {
    const { kernel, backend } = start();
    expect(await backend.sync(planOf([web, other]), false, signal)).toMatchObject({ full: true, written: 36 });
    expect(programs(kernel)).toEqual(['iptables-save', 'iptables-restore']);

    expect(await backend.sync(planOf([web, other]), false, signal)).toMatchObject({ full: false, written: 0 });
    expect(programs(kernel)).toEqual([]);

    const changed = port([LOCAL], { nodePort: 30_080 });
    expect(await backend.sync(planOf([changed, other]), false, signal)).toMatchObject({ full: false, written: 6 });
    expect(kernel.runs.map(({ file, args, input }) => [file, args, input])).toMatchInlineSnapshot(`
      [
        [
          "iptables-restore",
          [
            "--noflush",
            "-w",
            "5",
            "--counters",
          ],
          "*nat
      :KUBE-SVC-NAVV37HDGJLPWY47 - [0:0]
      :KUBE-SEP-CFT5GXEQAHPBQIFM - [0:0]
      :KUBE-SEP-AQFZMIU6Y75QDZUF - [0:0]
      :KUBE-EXT-NAVV37HDGJLPWY47 - [0:0]
      -A KUBE-SVC-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http cluster IP" -m tcp -p tcp -d 192.0.2.10 --dport 80 ! -s 203.0.113.0/24 -j KUBE-MARK-MASQ
      -A KUBE-EXT-NAVV37HDGJLPWY47 -m comment --comment "masquerade traffic for lab/web:http external destinations" -j KUBE-MARK-MASQ
      -A KUBE-EXT-NAVV37HDGJLPWY47 -j KUBE-SVC-NAVV37HDGJLPWY47
      -A KUBE-SVC-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http -> 203.0.113.1:8080" -j KUBE-SEP-CFT5GXEQAHPBQIFM
      -A KUBE-SEP-CFT5GXEQAHPBQIFM -m comment --comment lab/web:http -s 203.0.113.1 -j KUBE-MARK-MASQ
      -A KUBE-SEP-CFT5GXEQAHPBQIFM -m comment --comment lab/web:http -m tcp -p tcp -j DNAT --to-destination 203.0.113.1:8080
      -X KUBE-SEP-AQFZMIU6Y75QDZUF
      COMMIT
      ",
        ],
      ]
    `);
    expect(kernel.dump()).toBe(await freshDump([changed, other]));
  });

  test('counts the rules that the kernel has in the chains of the proxy, also after partial syncs', async () => {
    const { kernel, backend } = start();
    const steps = [[web, other], [port([LOCAL], { nodePort: 30_080 }), other], [other], [], [web], [web]];
    for (const services of steps) {
      const { iptablesRules = {}, written } = await backend.sync(planOf(services), false, signal);
      const counts = Object.entries(iptablesRules);
      expect(Object.fromEntries(counts.map(([table, { total }]) => [table, total]))).toEqual(rulesByTable(kernel));
      expect(counts.reduce((sum, [, count]) => sum + count.written, 0)).toBe(written);
    }
  });

  test('removes what belonged to a Service that is gone, in the same restore', async () => {
    const { kernel, backend } = start();
    await backend.sync(planOf([web, other]), false, signal);
    programs(kernel);
    await backend.sync(planOf([other]), false, signal);
    expect(programs(kernel)).toEqual(['iptables-restore']);
    expect(kernel.dump()).toBe(await freshDump([other]));
  });

  test('is full when it is asked for, when settings change, and after a failure', async () => {
    const { kernel, backend } = start();
    await backend.sync(planOf([web]), false, signal);
    expect((await backend.sync(planOf([web]), true, signal)).full).toBe(true);
    expect((await backend.sync(planOf([web], { masqueradeAll: true }), false, signal)).full).toBe(true);
    expect(kernel.dump()).toBe(await freshDump([web], { masqueradeAll: true }));
    kernel.failNext();
    await expect(backend.sync(planOf([other], { masqueradeAll: true }), false, signal)).rejects.toThrow(
      /iptables-restore --noflush -w 5 --counters: line 1 failed; refused at "\*nat"/,
    );
    expect((await backend.sync(planOf([other], { masqueradeAll: true }), false, signal)).full).toBe(true);
    expect(kernel.dump()).toBe(await freshDump([other], { masqueradeAll: true }));
  });

  test('a cold start removes what an earlier daemon left, and leaves what is not ours', async () => {
    const { kernel, backend } = start();
    const foreign = '*nat\n:CNI-DN-1 - [0:0]\n:KUBE-KUBELET-CANARY - [0:0]\n-A POSTROUTING -j CNI-DN-1\nCOMMIT\n';
    kernel.restore(foreign);
    await backend.sync(planOf([web, other]), false, signal);
    const next = createIptablesBackend({ exec: kernel.exec, family: 4 });
    await next.sync(planOf([other]), false, signal);
    const expected = start();
    expected.kernel.restore(foreign);
    await expected.backend.sync(planOf([other]), true, signal);
    expect(kernel.dump()).toBe(expected.kernel.dump());
  });

  test('leaves out comments of endpoints above 1,000 of them', async () => {
    const dumps = await Promise.all([200, 201].map((services) => freshDump(manyPorts(services, 5))));
    expect(dumps.map((dump) => dump.includes(' -> 203.0.113.'))).toEqual([true, false]);
  });

  test('runs the programs of its family, and those it is given', async () => {
    const kernel = createFakeKernel();
    const legacy = { iptables: 'ip6tables-legacy', save: 'ip6tables-legacy-save', restore: 'ip6tables-legacy-restore' };
    await createIptablesBackend({ exec: kernel.exec, family: 6 }).sync(planOf([], { family: 6 }), false, signal);
    await createIptablesBackend({ exec: kernel.exec, family: 6, programs: legacy }).isIntact(signal);
    expect(kernel.runs.map(({ file, args }) => [file, args])).toEqual([
      ['ip6tables-save', []],
      ['ip6tables-restore', restoreArgs],
      ...['mangle', 'filter', 'nat'].map((table) => [
        'ip6tables-legacy',
        ['-w', '5', '-t', table, '-S', 'KUBE-PROXY-CANARY'],
      ]),
    ]);
  });

  test('whatever changes, the kernel holds what a new daemon would write', async () => {
    const address = fc.integer({ min: 1, max: 4 }).map((host) => `203.0.113.${host}`);
    const backends: fc.Arbitrary<Endpoint[]> = fc.uniqueArray(
      fc.record({ ip: address, isLocal: fc.boolean() }).map(({ ip, isLocal }) => endpoint(ip, { isLocal })),
      { maxLength: 3, selector: ({ ip }) => ip },
    );
    const shape = fc.record({
      nodePort: fc.constantFrom(0, 30_080),
      loadBalancerIps: fc.constantFrom<string[][]>([], ['192.0.2.200']),
      sourceRanges: fc.constantFrom<string[][]>([], ['198.51.100.0/24']),
      affinitySeconds: fc.constantFrom(undefined, 60),
      externalPolicyLocal: fc.boolean(),
      internalPolicyLocal: fc.boolean(),
    });
    const service = (name: string) =>
      fc.option(
        fc.tuple(backends, shape).map(([endpoints, rest]) => port(endpoints, { ...rest, name })),
        { nil: undefined },
      );
    const step = fc.record({
      services: fc.record({ a: service('a'), b: service('b'), c: service('c') }, { requiredKeys: [] }),
      full: fc.boolean(),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const { kernel, backend } = start();
        let current: Readonly<Record<string, ServicePortPlan | undefined>> = {};
        for (const { services, full, fails } of steps) {
          current = { ...current, ...services };
          const plans = Object.values(current).filter((plan) => plan !== undefined);
          const sync = () => backend.sync(planOf(plans), full, signal);
          if (fails) kernel.failNext();
          await sync().catch(sync);
          expect(kernel.dump()).toBe(await freshDump(plans));
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('isIntact', () => {
  test.each(['mangle', 'filter', 'nat'])('is false when the chains of %s were flushed', async (table) => {
    const { kernel, backend } = start();
    await backend.sync(planOf([]), false, signal);
    expect(await backend.isIntact(signal)).toBe(true);
    kernel.restore(`*${table}\n:KUBE-PROXY-CANARY - [0:0]\n-X KUBE-PROXY-CANARY\nCOMMIT\n`);
    expect(await backend.isIntact(signal)).toBe(false);
    await backend.sync(planOf([]), true, signal);
    expect(await backend.isIntact(signal)).toBe(true);
  });

  test('a program that cannot be run tells nothing', async () => {
    const backend = createIptablesBackend({ exec: () => Promise.reject(new Error('no program')), family: 4 });
    await expect(backend.isIntact(signal)).rejects.toThrow('no program');
  });
});

describe('cleanup', () => {
  const foreign = [
    '*filter',
    ':KUBE-FIREWALL - [0:0]',
    ':KUBE-KUBELET-CANARY - [0:0]',
    '-A INPUT -j KUBE-FIREWALL',
    'COMMIT',
    '*nat',
    ':CNI-DN-1 - [0:0]',
    '-A POSTROUTING -j CNI-DN-1',
    'COMMIT',
    '',
  ].join('\n');

  test('leaves nothing of the proxy, and all of others', async () => {
    const { kernel, backend } = start();
    kernel.restore(foreign);
    const before = kernel.dump();
    await backend.sync(planOf([port([LOCAL, REMOTE], { nodePort: 30_080 })]), false, signal);
    await backend.cleanup(signal);
    expect(kernel.dump()).toBe(before);
    programs(kernel);
    await backend.cleanup(signal);
    expect(programs(kernel)).toEqual(['iptables-save']);
  });

  test('what somebody else counts on stays', async () => {
    const { kernel, backend } = start();
    await backend.sync(planOf([port([LOCAL])]), false, signal);
    kernel.restore('*nat\n:CNI-DN-1 - [0:0]\n-A CNI-DN-1 -j KUBE-MARK-MASQ\n-A CNI-DN-1 -j KUBE-SERVICES\nCOMMIT\n');
    await backend.cleanup(signal);
    expect(kernel.dump().match(/^.*(KUBE|CNI).*$/gm)).toEqual([
      ':CNI-DN-1 - [0:0]',
      ':KUBE-MARK-MASQ - [0:0]',
      ':KUBE-SERVICES - [0:0]',
      '-A CNI-DN-1 -j KUBE-MARK-MASQ',
      '-A CNI-DN-1 -j KUBE-SERVICES',
      '-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000',
    ]);
  });
});
