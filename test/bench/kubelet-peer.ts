import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { cgroupDirectories } from '../lab/cgroups.ts';
import type { Cluster, TestHost } from '../lab/index.ts';
import { namespacePath } from '../lab/names.ts';
import { sharedSettings } from './kubelet-pods.ts';
import { pauseImage } from './stage.ts';

/** Paths of programs of Kubernetes 1.20.2, and of the directory of the reference plugins. */
export interface PeerPrograms {
  readonly kubelet: string;
  readonly kubeProxy: string;
  readonly cniPlugins: string;
}

/** The kubelet with dockershim and kube-proxy, as kubeadm sets them up. */
export interface Peer {
  /** May be called again when the former one has ended. */
  readonly startKubelet: () => ChildProcess;
  readonly kubeProxy: ChildProcess;
  /** Gives pods their network: a bridge and host ports. The kubelet looks for it every 5 s. */
  readonly configureNetwork: (podCidr: string) => void;
}

/** Prepares the peer on a test host and starts its kube-proxy. The host's removal ends all of it at the latest. */
export async function startPeer(programs: PeerPrograms, cluster: Cluster, host: TestHost): Promise<Peer> {
  const [kubeletConfig, proxyConfig] = await Promise.all([
    cluster.createNodeKubeconfig(host.name),
    cluster.createKubeconfig('system:kube-proxy'),
  ]);
  prepare(host);
  const kubelet = [
    ...[...mountNamespace(host), programs.kubelet],
    ...kubeletFlags(programs, cluster, host, kubeletConfig),
  ];
  const kubeProxy = launch(host, 'kube-proxy', [programs.kubeProxy, ...proxyFlags(cluster, host, proxyConfig)]);
  return {
    startKubelet: () => launch(host, 'kubelet', kubelet),
    kubeProxy,
    configureNetwork: (podCidr) => writeNetwork(host, podCidr),
  };
}

/** What the kubelet mounts for pods must be seen by dockerd, outside its mount namespace. */
function prepare({ rootDir, dir }: TestHost): void {
  for (const directory of [rootDir, join(dir, 'log')]) mkdirSync(directory, { recursive: true });
  execFileSync('mount', ['--bind', rootDir, rootDir]);
  execFileSync('mount', ['--make-shared', rootDir]);
}

/** Settings of the machine that the kubelet would change: it finds them as it wants them. */
const sysctls = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

/** A view of the machine in which /var/log and those settings are the test host's own. */
function mountNamespace({ dir, dockerSocket }: TestHost): readonly string[] {
  const script = [
    'set -e; mount --make-private /; mount --make-private /proc',
    `mount --bind ${join(dir, 'log')} /var/log`,
    ...Object.entries(sysctls).map(([name, value], index) => {
      const file = join(dir, `sysctl-${index}`);
      writeFileSync(file, `${value}\n`);
      return `mount --bind ${file} /proc/sys/${name}`;
    }),
    `export DOCKER_HOST=unix://${dockerSocket}; exec "$@"`,
  ];
  return ['unshare', '--mount', '--propagation', 'unchanged', 'sh', '-c', script.join('\n'), 'sh'];
}

function kubeletFlags(
  { cniPlugins }: PeerPrograms,
  { caFile }: Cluster,
  host: TestHost,
  kubeconfig: string,
): readonly string[] {
  const { dir, rootDir, dockerSocket, cniConfDir, cniCacheDir, cgroup } = host;
  const config = join(dir, 'kubelet.yaml');
  writeFileSync(
    config,
    stringify({
      ...{ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' },
      authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: caFile } },
      authorization: { mode: 'Webhook' },
      ...{ cgroupDriver: 'cgroupfs', cgroupRoot: cgroup, clusterDomain: 'cluster.local' },
      ...sharedSettings,
    }),
  );
  // The kubelet makes no root of cgroups, and dockerd only with the first container.
  for (const directory of cgroupDirectories('/')) mkdirSync(join(directory, cgroup), { recursive: true });
  return flags({
    ...{ config, kubeconfig, 'hostname-override': host.name, 'node-ip': host.address, 'root-dir': rootDir },
    ...{ 'cert-dir': join(rootDir, 'pki'), 'docker-endpoint': `unix://${dockerSocket}` },
    ...{ docker: `unix://${dockerSocket}`, 'experimental-dockershim-root-directory': join(dir, 'dockershim') },
    ...{ 'container-runtime-endpoint': `unix://${join(dir, 'dockershim.sock')}` },
    ...{ 'network-plugin': 'cni', 'cni-conf-dir': cniConfDir, 'cni-bin-dir': cniPlugins, 'cni-cache-dir': cniCacheDir },
    ...{ 'pod-infra-container-image': pauseImage, 'volume-plugin-dir': join(dir, 'volume-plugins') },
  });
}

function proxyFlags({ podCidr }: Cluster, { name }: TestHost, kubeconfig: string): readonly string[] {
  return flags({
    ...{ kubeconfig, 'hostname-override': name, 'proxy-mode': 'iptables', 'cluster-cidr': podCidr },
    // Of the machine, not of a network namespace.
    ...{ 'conntrack-max-per-core': '0' },
    ...{ 'conntrack-tcp-timeout-established': '0s', 'conntrack-tcp-timeout-close-wait': '0s' },
  });
}

function flags(values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

function launch({ dir, netns }: TestHost, name: string, command: readonly string[]): ChildProcess {
  const log = openSync(join(dir, `${name}.log`), 'a');
  return spawn('nsenter', [`--net=${namespacePath(netns)}`, ...command], {
    stdio: ['ignore', log, log],
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }, // no proxy: the lab has none
    detached: true, // Ctrl-C ends the benchmark first; the lab then ends this
  });
}

function writeNetwork({ cniConfDir, cniDataDir }: TestHost, podCidr: string): void {
  const ipam = {
    ...{ type: 'host-local', dataDir: cniDataDir },
    ...{ ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }] },
  };
  const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, ipam };
  const plugins = [bridge, { type: 'portmap', capabilities: { portMappings: true } }];
  const text = JSON.stringify({ cniVersion: '0.3.1', name: 'bench', plugins });
  writeFileSync(join(cniConfDir, '10-bench.conflist'), text);
}
