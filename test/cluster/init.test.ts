import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { clusterPrograms, kubeadmPrograms, type ClusterPrograms } from '../lab/cluster-programs.ts';
import { controlPlaneRepository, controlPlaneVersion, writeControlPlaneArchive } from '../lab/control-plane-images.ts';
import { testImages } from '../lab/images.ts';
import { podwrightProgram } from '../lab/daemon.ts';
import { createHost, privatePath, until, type CommandResult, type DaemonHandle, type TestHost } from '../lab/index.ts';
import { podObject } from './objects.ts';
import { type RunningProgram, startProgram } from './programs.ts';

/** Stands in for CoreDNS: answers the probes, serves no names. */
const answer = 'printf "HTTP/1.0 200 OK\\r\\n\\r\\n"';
const answers = `trap 'exit 0' TERM; for p in 8080 8181; do while :; do ${answer} | nc -l -p $p; done & done; wait`;
const dnsImage = {
  name: `${controlPlaneRepository}/coredns:1.7.0`,
  config: { Entrypoint: ['/bin/sh', '-c', answers] },
};

/** What kubeadm looks for besides; the second is never started. */
const kubeadmImages = [
  {
    name: `${controlPlaneRepository}/pause:3.2`,
    config: { Entrypoint: ['/bin/sh', '-c', `trap 'exit 0' TERM; sleep 1000000 & wait`] },
  },
  { name: `${controlPlaneRepository}/kube-proxy:${controlPlaneVersion}` },
];

/** kubeadm has its places in itself; podwright has these where it is not told others. */
const privateDirectories = [
  ...['/etc/kubernetes', '/etc/cni', '/var/lib/kubelet', '/var/lib/etcd', '/var/lib/cni'],
  ...['/var/log/pods', '/var/log/containers', '/run/podwright'],
];

const deadlineMs = 180_000;
let programs: ClusterPrograms;
let first: TestHost;
let second: TestHost;
const daemons: DaemonHandle[] = [];

beforeAll(async () => {
  programs = await clusterPrograms();
  const images = [...testImages, ...kubeadmImages, dnsImage];
  first = await createHost({ nodeName: 'first', images, privateDirectories });
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

async function kubectl(args: readonly string[], input?: string, config = adminConf()): Promise<CommandResult> {
  const kubeconfig = ['--kubeconfig', config, '--cache-dir', join(first.dir, 'kubectl')];
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

describe('kubeadm init, with podwright in the place of the kubelet', () => {
  const own = (path: string): string => privatePath(first.dir, path);
  const bin = (): string => join(first.dir, 'bin');
  const env = (): Readonly<Record<string, string>> => ({
    ...{ PATH: bin(), HOME: first.dir, DOCKER_HOST: `unix://${first.dockerSocket}` },
  });
  const criSocket = 'unix:///run/podwright/cri-dockerd.sock';
  let kubelet: RunningProgram | undefined;
  let cri: RunningProgram | undefined;

  afterAll(async () => {
    await kubelet?.kill();
    await cri?.kill();
  });

  const crictl = (...args: readonly string[]): Promise<CommandResult> =>
    first.exec('crictl', ['-r', criSocket, ...args], { env: env() });

  it('finds the runtime by its CRI endpoint, before there is a kubelet', async () => {
    await makePath();
    cri = startProgram(first, { file: 'podwright', args: ['cri', '--listen', criSocket], env: env() });
    const answers = async (): Promise<boolean> => (await crictl('info')).exitCode === 0;
    await until('CRI to answer', deadlineMs, answers, { explain: () => cri?.output() ?? '' });
    expect(JSON.parse((await crictl('version')).stdout)).toMatchObject({
      ...{ version: '0.1.0', runtime_name: 'docker', runtime_api_version: 'v1' },
    });
    expect(await crictl('inspecti', `${controlPlaneRepository}/pause:3.2`)).toMatchObject({ exitCode: 0 });
    expect((await crictl('inspecti', 'nobody.example/nothing:1')).stderr).toContain('no such image');
    expect((await crictl('runp')).stderr).toContain(
      'code = Unimplemented desc = podwright does not answer /runtime.v1.RuntimeService/RunPodSandbox',
    );
  });

  it('makes a cluster of one node', async () => {
    await writeFile(join(first.dir, 'kubeadm.yaml'), kubeadmFile());
    const running = kubeadm('init', '--config', join(first.dir, 'kubeadm.yaml'), '--skip-phases', 'addon/kube-proxy');
    await until('the configuration of the kubelet', deadlineMs, () => existsSync(own('/var/lib/kubelet/config.yaml')));
    kubelet = startProgram(first, { file: '/bin/sh', args: ['-c', kubeletCommand], env: env() });
    const done = await running;
    expect(done.exitCode, `${done.stdout}${done.stderr}${kubelet.output()}`).toBe(0);
    const ready = async (): Promise<boolean> =>
      /^first +Ready +control-plane/m.test((await ownKubectl('get', 'nodes', '--no-headers')).stdout);
    await until('the node to be ready', deadlineMs, ready, { intervalMs: 250, explain: () => kubelet?.output() ?? '' });
  });

  it('renews the certificate of kubelet.conf, for which kubeadm looks at its end', async () => {
    expect(parse(await readFile(own('/etc/kubernetes/kubelet.conf'), 'utf8'))).toMatchObject({
      users: [{ user: { 'client-certificate': '/var/lib/kubelet/pki/kubelet-client-current.pem' } }],
    });
  });

  it('is undone by kubeadm reset', async () => {
    await kubelet?.kill();
    expect(await kubeadm('reset', '--force', '--cri-socket', criSocket)).toMatchObject({ exitCode: 0 });
    expect(await first.containers()).toEqual([]);
    expect(await readdir(own('/var/lib/kubelet'))).toEqual([]);
  });

  /** All programs of this machine but the one by which kubeadm would have its systemd start another kubelet. */
  async function makePath(): Promise<void> {
    await mkdir(bin());
    await symlink(podwrightProgram, join(bin(), 'kubelet'));
    await symlink(podwrightProgram, join(bin(), 'podwright'));
    await symlink((await kubeadmPrograms()).crictl, join(bin(), 'crictl'));
    await symlink(process.execPath, join(bin(), 'node'));
    for (const directory of ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin']) {
      for (const program of await readdir(directory)) {
        if (program === 'systemctl') continue;
        await symlink(join(directory, program), join(bin(), program)).catch(() => undefined); // the first one counts
      }
    }
  }

  function kubeadmFile(): string {
    const kubeadmVersion = 'kubeadm.k8s.io/v1beta2';
    return [
      {
        ...{
          apiVersion: kubeadmVersion,
          kind: 'InitConfiguration',
          localAPIEndpoint: { advertiseAddress: first.address },
        },
        nodeRegistration: { name: 'first', criSocket },
      },
      {
        ...{ apiVersion: kubeadmVersion, kind: 'ClusterConfiguration', kubernetesVersion: controlPlaneVersion },
        imageRepository: controlPlaneRepository,
        networking: { podSubnet: '203.0.113.0/24', serviceSubnet: '192.0.2.128/25' },
        controllerManager: {
          extraArgs: { 'node-cidr-mask-size': '25', 'flex-volume-plugin-dir': join(first.dir, 'flex') },
        },
      },
      {
        ...{ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' },
        ...{ cgroupDriver: 'cgroupfs', cgroupRoot: first.cgroup },
      },
    ]
      .map((document) => stringify(document))
      .join('---\n');
  }

  /** As kubeadm's drop-in for systemd has it. */
  const kubeletCommand = `. /var/lib/kubelet/kubeadm-flags.env
    exec kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf \
      --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS`;

  async function kubeadm(...args: readonly string[]): Promise<CommandResult> {
    const withPath = Object.entries(env()).map(([name, value]) => `${name}=${value}`);
    const ignore = ['--ignore-preflight-errors', 'all'];
    return first.exec('env', ['-i', ...withPath, (await kubeadmPrograms()).kubeadm, ...args, ...ignore], {
      timeoutMs: 2 * deadlineMs,
    });
  }

  const ownKubectl = async (...args: readonly string[]): Promise<CommandResult> =>
    kubectl(args, undefined, '/etc/kubernetes/admin.conf');
});
