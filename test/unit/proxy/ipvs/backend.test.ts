import { describe, expect, it } from 'vitest';
import type { ExecRequest } from '../../../../cni/index.ts';
import { createIpvsBackend } from '../../../../proxy/ipvs/index.ts';
import { neededSysctls } from '../../../../proxy/ipvs/sysctls.ts';
import { endpoint, planOf, port } from './helpers.ts';

const signal = new AbortController().signal;

interface Fake {
  readonly backend: ReturnType<typeof createIpvsBackend>;
  /** The programs that ran since the last call. */
  readonly ran: () => readonly string[];
  readonly complain: (text: string) => void;
}

/** A host where nothing is written yet. */
function createFake(): Fake {
  let requests: ExecRequest[] = [];
  let complaint = '';
  const backend = createIpvsBackend({
    exec: (request) => {
      requests.push(request);
      return Promise.resolve({ stdout: '', stderr: request.args.includes('-R') ? complaint : '' });
    },
    family: 4,
    setSysctl: () => Promise.resolve(),
    clock: { now: () => 0 },
  });
  return {
    backend,
    ran: () => {
      const names = requests.map(({ file, args }) => `${file} ${args[0] ?? ''}`.trim());
      requests = [];
      return names;
    },
    complain: (text) => (complaint = text),
  };
}

const servicesWith = (count: number, endpoints: number) =>
  planOf(
    Array.from({ length: count }, (_, index) =>
      port(
        Array.from({ length: endpoints }, (_, host) => endpoint(`203.0.113.${host + 1}`)),
        { name: { namespace: 'lab', name: `s${index}`, port: '' }, clusterIp: `192.0.2.${index + 1}` },
      ),
    ),
  );

describe('the backend', () => {
  it.each([1, 100])('runs the same programs for %d Services', async (count) => {
    const { backend, ran } = createFake();
    await backend.sync(servicesWith(count, 2), true, signal);
    expect(ran()).toEqual([
      ...['ipvsadm -S', 'ipset save', 'ip -j', 'iptables-save'],
      ...['ipset restore', 'iptables-restore --noflush', 'ipvsadm -R', 'ip -batch'],
    ]);
  });

  it('runs only programs that have something to do', async () => {
    const { backend, ran } = createFake();
    const before = servicesWith(3, 2);
    await backend.sync(before, true, signal);
    ran();
    expect(await backend.sync(before, false, signal)).toEqual({ full: false, written: 0 });
    expect(ran()).toEqual([]);

    const [first, ...rest] = before.services;
    const changed = { ...first!, clusterEndpoints: first!.clusterEndpoints.slice(0, 1) };
    expect(await backend.sync({ ...before, services: [changed, ...rest] }, false, signal)).toEqual({
      full: false,
      written: 1,
    });
    expect(ran()).toEqual(['ipvsadm -R']);

    await backend.sync({ ...before, services: rest }, false, signal);
    expect(ran()).toEqual(['ipvsadm -R', 'ip -batch', 'ipset restore']);
  });

  it('fails when ipvsadm complains, whatever its exit code is, and starts from the kernel then', async () => {
    const { backend, ran, complain } = createFake();
    complain('Service already exists\n');
    await expect(backend.sync(servicesWith(1, 1), true, signal)).rejects.toThrow(
      'cannot write virtual servers: ipvsadm: Service already exists',
    );
    complain('');
    ran();
    expect(await backend.sync(servicesWith(1, 1), false, signal)).toMatchObject({ full: true });
    expect(ran().slice(0, 1)).toEqual(['ipvsadm -S']);
  });
});

describe('sysctls', () => {
  const common = [
    ['net/ipv4/vs/conntrack', '1'],
    ['net/ipv4/vs/expire_nodest_conn', '1'],
    ['net/ipv4/vs/expire_quiescent_template', '1'],
  ];
  const arp = [
    ['net/ipv4/conf/all/arp_ignore', '1'],
    ['net/ipv4/conf/all/arp_announce', '2'],
  ];

  it.each([
    { release: '6.1.0-56-cloud-amd64', family: 4, strictArp: false, wanted: common },
    { release: '5.9.0', family: 4, strictArp: true, wanted: [...common, ...arp] },
    { release: '5.8.18', family: 4, strictArp: false, wanted: [...common, ['net/ipv4/vs/conn_reuse_mode', '0']] },
    { release: '5.10.1', family: 6, strictArp: true, wanted: common },
  ] as const)('on Linux $release', ({ release, family, strictArp, wanted }) => {
    expect(neededSysctls(family, release, strictArp)).toEqual(wanted);
  });
});
