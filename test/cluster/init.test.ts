import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { clusterPrograms, type ClusterPrograms } from '../lab/cluster-programs.ts';
import { controlPlaneRepository, controlPlaneVersion, writeControlPlaneArchive } from '../lab/control-plane-images.ts';
import { testImages } from '../lab/images.ts';
import { createHost, until, type CommandResult, type DaemonHandle, type TestHost } from '../lab/index.ts';
import { podObject } from './objects.ts';

/** Stands in for CoreDNS: answers the probes, serves no names. */
const answer = 'printf "HTTP/1.0 200 OK\\r\\n\\r\\n"';
const answers = `for p in 8080 8181; do while :; do ${answer} | nc -l -p $p; done & done; wait`;
const dnsImage = {
  name: `${controlPlaneRepository}/coredns:1.7.0`,
  config: { Entrypoint: ['/bin/sh', '-c', answers] },
};

const deadlineMs = 180_000;
let programs: ClusterPrograms;
let first: TestHost;
let second: TestHost;
const daemons: DaemonHandle[] = [];

beforeAll(async () => {
  programs = await clusterPrograms();
  first = await createHost({ nodeName: 'first', images: [...testImages, dnsImage] });
  second = await createHost({ nodeName: 'second', images: [] });
  writeControlPlaneArchive(archive(), programs);
  await writeFile(join(first.dir, 'init.yaml'), initFile());
});

afterAll(async () => {
  for (const daemon of daemons) await daemon.stop();
  first?.remove();
  second?.remove();
});

const archive = (): string => join(first.dir, 'images.tar');
const etc = ({ dir }: TestHost): string => join(dir, 'etc');
const lib = ({ dir }: TestHost): string => join(dir, 'lib');
const dirs = (host: TestHost): readonly string[] => ['--kubernetes-dir', etc(host), '--root-dir', lib(host)];
const adminConf = (): string => join(etc(first), 'admin.conf');

/** What has no flag: a share of the pod network that leaves room for a second node, and directories of the host. */
function initFile(): string {
  const extraArgs = { 'node-cidr-mask-size': '25', 'flex-volume-plugin-dir': join(first.dir, 'flex') };
  return stringify({
    apiVersion: 'kubeadm.k8s.io/v1beta3',
    kind: 'ClusterConfiguration',
    controllerManager: { extraArgs },
    etcd: { local: { dataDir: join(first.dir, 'etcd') } },
  });
}

async function init(more: readonly string[] = []): Promise<CommandResult> {
  const args = [
    ...['init', '--config', join(first.dir, 'init.yaml'), '--node-name', 'first', ...dirs(first)],
    ...['--apiserver-advertise-address', first.address, '--pod-network-cidr', '203.0.113.0/24'],
    ...['--service-cidr', '192.0.2.128/25', '--kubernetes-version', controlPlaneVersion],
    ...['--image-repository', controlPlaneRepository, '--docker-host', `unix://${first.dockerSocket}`],
    ...['--ignore-preflight-errors', 'all', '--skip-phases', 'kubelet-start', ...more],
  ];
  return first.podwright(args, { timeoutMs: deadlineMs });
}

async function kubectl(args: readonly string[], input?: string): Promise<CommandResult> {
  const kubeconfig = ['--kubeconfig', adminConf(), '--cache-dir', join(first.dir, 'kubectl')];
  return first.exec(programs.kubectl, [...kubeconfig, ...args], input === undefined ? {} : { input });
}

const eventually = <T>(what: string, probe: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> =>
  until(what, deadlineMs, async () => probe(), {
    intervalMs: 250,
    explain: () => daemons.map((daemon) => daemon.describe()).join('\n'),
  });

/** As `podwright run` with what init or join wrote, but in the directories of the test host. */
async function startDaemon(host: TestHost): Promise<void> {
  const kubelet = parse(await readFile(join(lib(host), 'config.yaml'), 'utf8')) as Readonly<Record<string, unknown>>;
  const manifests = join(etc(host), 'manifests');
  const authentication = { x509: { clientCAFile: join(etc(host), 'pki', 'ca.crt') } };
  const args = ['--kubeconfig', join(etc(host), 'kubelet.conf'), '--root-dir', lib(host), '--manifests', manifests];
  daemons.push(
    host.startDaemon({ args, kubelet: { ...kubelet, podCIDR: '', staticPodPath: manifests, authentication } }),
  );
}

async function untilReady(node: string): Promise<void> {
  const isReady = async (): Promise<boolean> =>
    new RegExp(`^${node} +Ready `, 'm').test((await kubectl(['get', 'nodes', '--no-headers'])).stdout);
  await eventually(`the node ${node} to be ready`, isReady);
}

async function untilRuns(pod: RegExp, namespace: string): Promise<void> {
  const runs = async (): Promise<boolean> => {
    const { stdout } = await kubectl(['get', 'pods', '-n', namespace, '--no-headers']);
    return stdout.split('\n').some((line) => pod.test(line) && / 1\/1 +Running /.test(line));
  };
  await eventually(`the pod ${String(pod)}`, runs);
}

describe('podwright init', () => {
  let joinCommand: readonly string[] = [];

  it('makes a cluster of one node, whose control plane podwright runs', async () => {
    const running = init(['--image-archive', archive()]);
    await eventually('the manifests', () => existsSync(join(etc(first), 'manifests', 'kube-scheduler.yaml')));
    await startDaemon(first);
    const done = await running;
    expect(done, daemons[0]?.describe()).toMatchObject({ exitCode: 0, stderr: '' });
    joinCommand = /podwright (join .*)/.exec(done.stdout)?.[1]?.split(' ') ?? [];
    await untilReady('first');
    expect((await stat(join(first.dir, 'etcd'))).mode & 0o777).toBe(0o700);
  });

  it('runs pods, of which one is cluster DNS', async () => {
    await kubectl(['apply', '-f', '-'], stringify(podObject('web')));
    await untilRuns(/^web /, 'default');
    await untilRuns(/^coredns-/, 'kube-system');
    const exec = await kubectl(['exec', 'web', '--', 'echo', 'inside']);
    expect(exec).toMatchObject({ exitCode: 0, stdout: 'inside' });
  });

  it('prints the command by which a second node joins', async () => {
    expect(joinCommand.slice(0, 3)).toEqual(['join', `${first.address}:6443`, '--token']);
    const more = [
      '--node-name',
      'second',
      '--ignore-preflight-errors',
      'all',
      '--skip-phases',
      'kubelet-start',
      ...dirs(second),
    ];
    expect(await second.podwright([...joinCommand, ...more])).toMatchObject({ exitCode: 0, stderr: '' });
    await startDaemon(second);
    await untilReady('second');
  });

  it('changes nothing when it is run once more', async () => {
    const before = await files();
    expect(await init()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await files()).toEqual(before);
  });

  /** Certificates, keys and manifests with their content. */
  async function files(): Promise<readonly (readonly [string, string])[]> {
    const entries = await readdir(etc(first), { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    return Promise.all(paths.sort().map(async (path) => [path, await readFile(path, 'utf8')] as const));
  }
});

describe('podwright token', () => {
  it('makes tokens that the cluster knows, lists and deletes them', async () => {
    const to = ['--kubeconfig', adminConf()];
    const created = await first.podwright(['token', 'create', '--ttl', '1h', '--print-join-command', ...to]);
    const [, token = ''] = /--token (\S+)/.exec(created.stdout) ?? [];
    expect(created.stdout).toMatch(
      /^podwright join \S+:6443 --token \S+ --discovery-token-ca-cert-hash sha256:\w{64}$/,
    );
    expect((await first.podwright(['token', 'list', ...to])).stdout).toContain(token);
    expect(await first.podwright(['token', 'delete', token, ...to])).toMatchObject({ exitCode: 0 });
    expect((await first.podwright(['token', 'list', ...to])).stdout).not.toContain(token);
  });
});

describe('podwright certs', () => {
  it('renews credentials, with which the cluster still can be used', async () => {
    const to = ['--kubernetes-dir', etc(first)];
    const certificate = async (): Promise<X509Certificate> =>
      new X509Certificate(await readFile(join(etc(first), 'pki', 'apiserver.crt')));
    const before = await certificate();
    const admin = await readFile(adminConf(), 'utf8');
    expect(await first.podwright(['certs', 'renew', 'all', ...to])).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await certificate()).serialNumber).not.toBe(before.serialNumber);
    expect(await readFile(adminConf(), 'utf8')).not.toBe(admin);
    expect(await kubectl(['get', 'nodes', '--no-headers'])).toMatchObject({ exitCode: 0 });
    const page = (await first.podwright(['certs', 'check-expiration', ...to])).stdout;
    expect(page).toMatch(/^admin\.conf +\w+ \d\d, \d{4} \d\d:\d\d UTC +364d +ca +no$/m);
  });
});

describe('podwright reset', () => {
  it('ends the control plane, and removes all that init wrote', async () => {
    for (const daemon of daemons.splice(0)) await daemon.stop();
    const flags = [
      '--config',
      first.configFile,
      '--root-dir',
      lib(first),
      '--manifests',
      join(etc(first), 'manifests'),
    ];
    const reset = await first.podwright(['reset', '--force', '--grace-period', '1', ...flags], {
      timeoutMs: deadlineMs,
    });
    expect(reset).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await readdir(etc(first)).catch(() => [])).toEqual([]);
    expect(existsSync(join(first.dir, 'etcd'))).toBe(false);
    expect(await first.containers()).toEqual([]);
  });
});
