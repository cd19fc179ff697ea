import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ListedContainer } from '../../../agent/metrics/containers.ts';
import {
  createKubeletMetrics,
  createNodeMetrics,
  createProbeMetrics,
  type NodeMetrics,
} from '../../../agent/metrics/index.ts';
import { container, pod } from '../pods/fixtures.ts';
import { cgroup1, cgroup2, proc, writeTree } from './trees.ts';

const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const signal = new AbortController().signal;
const web = pod({ containers: [container('main')] });
const { name, namespace, uid } = web.metadata;
const podPath = `kubepods/besteffort/pod${uid}`;
const listed = (over: Partial<ListedContainer>): ListedContainer => ({
  id: 'c1',
  kind: 'container',
  pod: { name, namespace, uid },
  name: 'main',
  runtimeName: 'k8s_main_0',
  image: 'web:1',
  state: 'running',
  createdAt: Date.UTC(2026, 0, 2, 3, 0, 0),
  hostNetwork: false,
  ...over,
});

const uses: readonly (readonly [string, Parameters<typeof cgroup2>[1]])[] = [
  ['', { nanos: 9e9, memory: 2_000_000, inactive: 500_000, limit: undefined }],
  ['kubepods', { nanos: 5e9, memory: 900_000, inactive: 100_000, limit: 3_000_000 }],
  [podPath, { nanos: 4e9, memory: 800_000, inactive: 200_000, limit: undefined }],
  [
    join(podPath, 'c1'),
    { nanos: 3e9, memory: 700_000, inactive: 100_000, limit: 1_000_000, quota: 20_000, processes: [80, 81] },
  ],
  [join(podPath, 's1'), { nanos: 1e9, memory: 50_000, inactive: 0, limit: undefined, processes: [77] }],
];

let root: string;
let clock = now;
let containers: () => Promise<readonly ListedContainer[]>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'podwright-metrics-'));
  clock = now;
  const all = [
    listed({}),
    listed({ id: 'c0', state: 'exited', createdAt: 0 }),
    listed({ id: 's1', kind: 'sandbox', name: 'POD', runtimeName: 'k8s_POD_0', image: 'pause:3.9' }),
  ];
  containers = () => Promise.resolve(all);
  writeTree(join(root, 'proc'), proc);
});
afterEach(() => rm(root, { recursive: true }));

function nodeMetrics(version: 1 | 2): NodeMetrics {
  const tree = version === 1 ? cgroup1 : cgroup2;
  for (const [path, use] of uses) writeTree(join(root, 'cgroup'), tree(path, use));
  const startedAt = '2026-01-02T03:00:01Z';
  const running = { name: 'main', containerID: 'docker://c1', state: { running: { startedAt } } };
  const usage = { layer: { bytes: 0, inodes: 0 }, logs: { bytes: 4096, inodes: 1 }, memoryBytes: undefined };
  return createNodeMetrics({
    nodeName: 'node-1',
    cgroupRoot: join(root, 'cgroup'),
    cgroupVersion: version,
    cgroupSettings: () => ({ driver: 'cgroupfs', root: '/' }),
    procRoot: join(root, 'proc'),
    rootDir: join(root, 'proc'),
    imageDir: () => Promise.resolve(undefined),
    imageBytes: () => Promise.resolve(123),
    layers: () => Promise.resolve(new Map([['c1', 8192]])),
    podStats: {
      disk: () =>
        Promise.resolve({
          ...{ memoryBytes: undefined, processes: undefined },
          volumes: new Map([['scratch', { bytes: 12_288, inodes: 3 }]]),
          containers: new Map([['main', usage]]),
        }),
    },
    claimPlaces: () => [{ volume: 'data', claim: 'data-web', path: root }],
    clientCertificateEnd: () => clock + 90_000,
    pods: () => [
      {
        pod: web,
        status: { containerStatuses: [{ ...running, image: '', imageID: '', ready: true, restartCount: 0 }] },
      },
    ],
    containers: () => containers(),
    systemCgroups: { kubelet: undefined, runtime: undefined },
    now: () => clock,
    kubelet: createKubeletMetrics(),
    probes: createProbeMetrics(),
    log: { warn: () => undefined },
  });
}

describe.each([1, 2] as const)('cgroup version %i', (version) => {
  const time = '2026-01-02T03:04:05Z';
  const memory = (usage: number, inactive: number, available?: number): object => ({
    time,
    ...(available === undefined ? {} : { availableBytes: available }),
    usageBytes: usage,
    workingSetBytes: usage - inactive,
    rssBytes: usage - inactive - 7,
    pageFaults: 11,
    majorPageFaults: 2,
  });

  test('a summary of CPU and memory', async () => {
    expect(await nodeMetrics(version).summary(true, signal)).toEqual({
      node: {
        nodeName: 'node-1',
        startTime: '2026-01-01T00:00:00Z',
        systemContainers: [
          {
            name: 'pods',
            startTime: '2026-01-01T00:00:00Z',
            cpu: { time, usageCoreNanoSeconds: 5e9 },
            memory: memory(900_000, 100_000, 2_200_000),
          },
        ],
        cpu: { time, usageCoreNanoSeconds: 9e9 },
        memory: memory(2_000_000, 500_000, 4096 * 1024 - 1_500_000),
      },
      pods: [
        {
          podRef: { name, namespace, uid },
          startTime: '2026-01-02T03:00:00Z',
          containers: [
            {
              name: 'main',
              startTime: '2026-01-02T03:00:01Z',
              cpu: { time, usageCoreNanoSeconds: 3e9 },
              memory: memory(700_000, 100_000, 400_000),
            },
          ],
          cpu: { time, usageCoreNanoSeconds: 4e9 },
          memory: memory(800_000, 200_000),
        },
      ],
    });
  });

  test('the second summary knows the use of CPU in between', async () => {
    const metrics = nodeMetrics(version);
    await metrics.summary(true, signal);
    clock += 10_000;
    for (const [path, use] of uses) {
      const later = { ...use, nanos: use.nanos + 2e9 };
      writeTree(join(root, 'cgroup'), version === 1 ? cgroup1(path, later) : cgroup2(path, later));
    }
    const { node, pods } = await metrics.summary(true, signal);
    const seen = [node.cpu, pods[0]?.cpu, pods[0]?.containers[0]?.cpu].map((cpu) => cpu?.usageNanoCores);
    expect(seen).toEqual([2e8, 2e8, 2e8]);
  });

  test('a whole summary has networks, disks and processes too', async () => {
    const { node, pods } = await nodeMetrics(version).summary(false, signal);
    const eth1 = { name: 'eth1', rxBytes: 1000, rxErrors: 0, txBytes: 2000, txErrors: 0 };
    const eth0 = { name: 'eth0', rxBytes: 300, rxErrors: 1, txBytes: 400, txErrors: 0 };
    expect(node).toMatchObject({
      network: { time, ...eth1, interfaces: [eth1] },
      rlimit: { time, maxpid: 16_000, curproc: 80 },
    });
    expect(node.fs?.capacityBytes).toBeGreaterThan(0);
    expect(node.runtime).toBeUndefined();
    expect(pods).toMatchObject([
      {
        network: { time, ...eth0, interfaces: [eth0] },
        process_stats: { process_count: 3 },
        volume: [
          { name: 'scratch', usedBytes: 12_288, inodesUsed: 3 },
          { name: 'data', pvcRef: { name: 'data-web', namespace }, capacityBytes: expect.any(Number) as number },
        ],
        'ephemeral-storage': { usedBytes: 12_288 + 4096 + 8192, inodesUsed: 4 },
        containers: [{ rootfs: { usedBytes: 8192 }, logs: { usedBytes: 4096, inodesUsed: 1 } }],
      },
    ]);
  });

  test('/metrics/resource', async () => {
    const labels = `namespace="${namespace}",pod="${name}"`;
    const text = await nodeMetrics(version).render('resource', signal);
    expect(text.split('\n').filter((line) => !line.startsWith('# HELP'))).toEqual([
      '# TYPE container_cpu_usage_seconds_total counter',
      `container_cpu_usage_seconds_total{container="main",${labels}} 3 ${now}`,
      '# TYPE container_memory_working_set_bytes gauge',
      `container_memory_working_set_bytes{container="main",${labels}} 600000 ${now}`,
      '# TYPE container_start_time_seconds gauge',
      `container_start_time_seconds{container="main",${labels}} ${Date.UTC(2026, 0, 2, 3, 0, 1) / 1000}`,
      '# TYPE node_cpu_usage_seconds_total counter',
      `node_cpu_usage_seconds_total 9 ${now}`,
      '# TYPE node_memory_working_set_bytes gauge',
      `node_memory_working_set_bytes 1500000 ${now}`,
      '# TYPE pod_cpu_usage_seconds_total counter',
      `pod_cpu_usage_seconds_total{${labels}} 4 ${now}`,
      '# TYPE pod_memory_working_set_bytes gauge',
      `pod_memory_working_set_bytes{${labels}} 600000 ${now}`,
      '# TYPE resource_scrape_error gauge',
      'resource_scrape_error 0',
      '# TYPE scrape_error gauge',
      'scrape_error 0',
      '',
    ]);
  });

  test('/metrics/cadvisor: all of one container', async () => {
    const text = await nodeMetrics(version).render('cadvisor', signal);
    const labels = `container="main",id="/${podPath}/c1",image="web:1",name="k8s_main_0",namespace="${namespace}",pod="${name}"`;
    const own = text.split('\n').filter((line) => line.includes(labels));
    expect(own.map((line) => line.replace(labels, '').replace(` ${now}`, ' T'))).toEqual([
      'container_cpu_usage_seconds_total{cpu="total",} 3 T',
      'container_cpu_user_seconds_total{} 0.75 T',
      'container_cpu_system_seconds_total{} 2.25 T',
      'container_cpu_cfs_periods_total{} 10 T',
      'container_cpu_cfs_throttled_periods_total{} 2 T',
      'container_cpu_cfs_throttled_seconds_total{} 0.5 T',
      'container_memory_usage_bytes{} 700000 T',
      'container_memory_working_set_bytes{} 600000 T',
      'container_memory_rss{} 599993 T',
      'container_memory_cache{} 100007 T',
      'container_memory_mapped_file{} 3 T',
      'container_memory_swap{} 5 T',
      'container_memory_failcnt{} 6 T',
      'container_memory_max_usage_bytes{} 700001 T',
      'container_oom_events_total{} 1 T',
      'container_threads{} 4 T',
      'container_spec_cpu_period{} 100000',
      'container_spec_cpu_quota{} 20000',
      version === 1 ? 'container_spec_cpu_shares{} 1000' : 'container_spec_cpu_shares{} 998',
      'container_spec_memory_limit_bytes{} 1000000',
      `container_start_time_seconds{} ${Date.UTC(2026, 0, 2, 3, 0, 1) / 1000}`,
      `container_last_seen{} ${Math.floor(now / 1000)} T`,
      'container_processes{} 2 T',
    ]);
  });

  test('/metrics/cadvisor: the network of a pod is on its sandbox, and each cgroup is there once', async () => {
    const text = await nodeMetrics(version).render('cadvisor', signal);
    const pick = (prefix: string): readonly string[] => text.split('\n').filter((line) => line.startsWith(prefix));
    const none = 'image="",name="",namespace="",pod=""';
    const sandbox = `container="",id="/${podPath}/s1",image="pause:3.9",name="k8s_POD_0",namespace="${namespace}",pod="${name}"`;
    expect(pick('container_network_receive_bytes_total')).toEqual([
      `container_network_receive_bytes_total{interface="eth1",container="",id="/",${none}} 1000 ${now}`,
      `container_network_receive_bytes_total{interface="eth0",${sandbox}} 300 ${now}`,
    ]);
    expect(pick('container_network_transmit_packets_dropped_total').at(-1)).toMatch(/ 2 \d+$/);
    expect(pick('container_memory_rss').map((line) => /id="([^"]*)"/.exec(line)?.[1])).toEqual([
      '/',
      '/kubepods',
      `/${podPath}`,
      `/${podPath}/s1`,
      `/${podPath}/c1`,
    ]);
    expect(pick('machine_')).toEqual(['machine_cpu_cores 2', `machine_memory_bytes ${4096 * 1024}`]);
  });
});

test('a pod on the host network has no network of its own', async () => {
  const metrics = nodeMetrics(2);
  const all = await containers();
  containers = () => Promise.resolve(all.map((one) => ({ ...one, hostNetwork: true })));
  const { pods } = await metrics.summary(false, signal);
  expect(pods.map(({ network }) => network)).toEqual([undefined]);
});

test('what runs is measured although cgroups are not there', async () => {
  const metrics = nodeMetrics(2);
  await rm(join(root, 'cgroup'), { recursive: true });
  const { pods } = await metrics.summary(true, signal);
  expect(pods.map(({ cpu, memory, containers: all }) => [cpu, memory, all.length])).toEqual([
    [undefined, undefined, 1],
  ]);
});

test('/metrics/resource says that it could not measure', async () => {
  const metrics = nodeMetrics(2);
  containers = () => Promise.reject(new Error('Docker is away'));
  const text = await metrics.render('resource', signal);
  expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
    'resource_scrape_error 1',
    'scrape_error 1',
    '',
  ]);
});

test('/metrics: what runs, by the list of the runtime', async () => {
  const text = await nodeMetrics(2).render('metrics', signal);
  const own = text.split('\n').filter((line) => line.startsWith('kubelet_'));
  const ofClaim = `{namespace="${namespace}",persistentvolumeclaim="data-web"} N`;
  expect(own.map((line) => line.replace(/(kubelet_volume.*) \d+$/, '$1 N'))).toEqual([
    'kubelet_certificate_manager_client_ttl_seconds 90',
    `kubelet_certificate_manager_client_expiration_seconds ${Math.floor((now + 90_000) / 1000)}`,
    ...['capacity_bytes', 'available_bytes', 'used_bytes', 'inodes', 'inodes_free', 'inodes_used'].map(
      (what) => `kubelet_volume_stats_${what}${ofClaim}`,
    ),
    'kubelet_node_name{node="node-1"} 1',
    'kubelet_running_pods 1',
    'kubelet_running_containers{container_state="running"} 1',
    'kubelet_running_containers{container_state="exited"} 1',
  ]);
});
