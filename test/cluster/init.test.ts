import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { clusterPrograms, type ClusterPrograms } from '../lab/cluster-programs.ts';
import { controlPlaneRepository, controlPlaneVersion, writeControlPlaneArchive } from '../lab/control-plane-images.ts';
import { testImages } from '../lab/images.ts';
import { createHost, until, type CommandResult, type DaemonHandle, type TestHost } from '../lab/index.ts';
import { podObject } from './objects.ts';

/** Stands in for CoreDNS: answers the probes, serves no names. */
const answers =
  'for p in 8080 8181; do while :; do printf "HTTP/1.0 200 OK\\r\\n\\r\\n" | nc -l -p $p; done & done; wait';
const dnsImage = {
  name: `${controlPlaneRepository}/coredns:1.7.0`,
  config: { Entrypoint: ['/bin/sh', '-c', answers] },
};

const deadlineMs = 120_000;
let programs: ClusterPrograms;
let host: TestHost;
let daemon: DaemonHandle | undefined;

beforeAll(async () => {
  programs = await clusterPrograms();
  host = await createHost({ nodeName: 'first', images: [...testImages, dnsImage] });
  writeControlPlaneArchive(archive(), programs);
  await writeFile(join(host.dir, 'init.yaml'), initFile());
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
});

const archive = (): string => join(host.dir, 'images.tar');
const etc = (): string => join(host.dir, 'etc');
const lib = (): string => join(host.dir, 'lib');
const adminConf = (): string => join(etc(), 'admin.conf');

/** What has no flag: a share of the pod network that leaves room for a second node, and directories of the host. */
function initFile(): string {
  const extraArgs = { 'node-cidr-mask-size': '25', 'flex-volume-plugin-dir': join(host.dir, 'flex') };
  return stringify({
    apiVersion: 'kubeadm.k8s.io/v1beta3',
    kind: 'ClusterConfiguration',
    controllerManager: { extraArgs },
    etcd: { local: { dataDir: join(host.dir, 'etcd') } },
  });
}

const dirs = (): readonly string[] => ['--kubernetes-dir', etc(), '--root-dir', lib()];

async function init(more: readonly string[] = []): Promise<CommandResult> {
  const args = [
    ...['init', '--config', join(host.dir, 'init.yaml'), '--node-name', 'first', ...dirs()],
    ...['--apiserver-advertise-address', host.address, '--pod-network-cidr', '203.0.113.0/24'],
    ...['--service-cidr', '192.0.2.128/25', '--kubernetes-version', controlPlaneVersion],
    ...['--image-repository', controlPlaneRepository, '--docker-host', `unix://${host.dockerSocket}`],
    ...['--ignore-preflight-errors', 'all', ...more],
  ];
  return host.podwright(args, { timeoutMs: 280_000 });
}

async function kubectl(args: readonly string[], input?: string): Promise<CommandResult> {
  const kubeconfig = ['--kubeconfig', adminConf(), '--cache-dir', join(host.dir, 'kubectl')];
  return host.exec(programs.kubectl, [...kubeconfig, ...args], input === undefined ? {} : { input });
}

const eventually = <T>(what: string, probe: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> =>
  until(what, deadlineMs, async () => probe(), { intervalMs: 250, explain: () => daemon?.describe() ?? '' });

/** As the command that init prints, but with the directories of the test host. */
async function startDaemon(): Promise<DaemonHandle> {
  const kubelet = parse(await readFile(join(lib(), 'config.yaml'), 'utf8')) as Readonly<Record<string, unknown>>;
  const args = [
    '--kubeconfig',
    join(etc(), 'kubelet.conf'),
    '--root-dir',
    lib(),
    '--manifests',
    join(etc(), 'manifests'),
  ];
  return host.startDaemon({ args, kubelet: { ...kubelet, podCIDR: '', staticPodPath: join(etc(), 'manifests') } });
}

describe('podwright init', () => {
  let joinCommand = '';

  it('makes a cluster of one node, whose control plane podwright runs', async () => {
    const running = init(['--image-archive', archive()]);
    await eventually('the manifests', () => existsSync(join(etc(), 'manifests', 'kube-scheduler.yaml')));
    daemon = await startDaemon();
    const done = await running;
    expect(done, daemon.describe()).toMatchObject({ exitCode: 0, stderr: '' });
    joinCommand = /podwright join .*/.exec(done.stdout)?.[0] ?? '';
    expect(joinCommand).toContain(`${host.address}:6443 --token `);
    await eventually('the node to be ready', async () =>
      (await kubectl(['get', 'nodes', '--no-headers'])).stdout.includes(' Ready '),
    );
  });

  it('runs a pod, and cluster DNS', async () => {
    await kubectl(['apply', '-f', '-'], stringify(podObject('web')));
    const running = async (name: string, args: readonly string[]): Promise<boolean> =>
      (await kubectl(['get', 'pods', ...args, '--no-headers'])).stdout
        .split('\n')
        .some((line) => line.includes(name) && / 1\/1 +Running/.test(line));
    await eventually('the pod', () => running('web', []));
    await eventually('CoreDNS', () => running('coredns-', ['-n', 'kube-system']));
    expect((await kubectl(['exec', 'web', '--', 'echo', 'inside'])).stdout).toBe('inside');
  });
});
