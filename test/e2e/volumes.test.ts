import { existsSync, mkdirSync, readdirSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type PodReport, type TestHost } from '../lab/index.ts';
import { image, podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;

beforeAll(async () => {
  host = await createHost();
  daemon = host.startDaemon();
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
});

/** Whatever a test had mounted is gone with its pods: leaks() counts mounts and directories. */
afterEach(async () => {
  for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
  let left: readonly string[] = [];
  const gone = async (): Promise<boolean> => (left = await host.leaks()).length === 0;
  await until('all pods to be gone', 40_000, gone, { intervalMs: 100, explain: () => left.join('\n') });
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
});

const TMPFS = 0x01021994;

/** A privileged container gets all capabilities, and runc refuses it where the machine itself lacks one: CAP_SYS_RESOURCE. */
const capabilities = BigInt(`0x${/^CapBnd:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
const allowsPrivileged = ((capabilities >> 24n) & 1n) === 1n;

const dropObject = (kind: string, name: string, rest: object): void =>
  host.drop(`${kind}-${name}.yaml`, { apiVersion: 'v1', kind, metadata: { name }, ...rest });

/** What a script prints in a container of a pod, by lines. */
async function inPod(name: string, script: string, container = 'app'): Promise<string[]> {
  const to = ['exec', name, '-c', container, '--socket', host.podwrightSocket, '--', 'sh', '-c', script];
  const { stdout, stderr, exitCode } = await host.podwright(to);
  if (exitCode !== 0) throw new Error(`${script}: exit code ${exitCode}: ${stdout}${stderr}`);
  return stdout.split('\n');
}

/** Drops a pod with one container that sleeps, and waits until it runs. */
async function run(name: string, volumes: readonly object[], volumeMounts: readonly object[], spec: object = {}) {
  host.drop(`${name}.yaml`, podManifest(name, [sleeper('app', { volumeMounts })], { volumes, ...spec }));
  return host.waitForPod(name, isReady);
}

const onHost = ({ pod }: PodReport, ...parts: readonly string[]): string =>
  join(host.rootDir, 'pods', pod.metadata.uid, 'volumes', ...parts);

const statusOf = ({ pod }: PodReport, name = 'app') =>
  [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].find(
    (status) => status.name === name,
  );

/** The text of `podwright status` from its events on. */
async function events(name: string): Promise<string> {
  const { stdout } = await host.podwright(['status', name, '--socket', host.podwrightSocket]);
  return stdout.slice(stdout.indexOf('Events:'));
}

/** Waits for an event of a pod that does not start, and shows that none of its containers was even created. */
async function waitForMountFailure(name: string, message: string): Promise<void> {
  let seen = '';
  const failed = async (): Promise<boolean> => (seen = await events(name)).includes(message);
  await until(`FailedMount of ${name}`, 10_000, failed, { explain: () => seen });
  expect(seen).toMatch(/Warning\s+FailedMount/);
  expect((await host.containers()).filter(({ Names }) => Names.some((one) => one.includes(`_app_${name}`)))).toEqual(
    [],
  );
}

describe('a ConfigMap', () => {
  it('is files: all keys or items, with their modes; what is optional may be missing', async () => {
    dropObject('ConfigMap', 'cm', {
      data: { one: '1', 'two.txt': 'zwei\n' },
      binaryData: { blob: Buffer.from([0xff, 0, 0xfe]).toString('base64') },
    });
    const items = [
      { key: 'one', path: 'sub/dir/one', mode: 0o400 },
      { key: 'two.txt', path: 'two' },
    ];
    await run(
      'files',
      [
        { name: 'all', configMap: { name: 'cm' } },
        { name: 'some', configMap: { name: 'cm', items, defaultMode: 0o440 } },
        { name: 'none', configMap: { name: 'missing', optional: true } },
      ],
      ['all', 'some', 'none'].map((name) => ({ name, mountPath: `/v/${name}` })),
    );
    expect(
      await inPod('files', 'cd /v; find . -follow -type f ! -path "*/..*" | sort | xargs stat -Lc "%a %n"'),
    ).toEqual(['644 ./all/blob', '644 ./all/one', '644 ./all/two.txt', '400 ./some/sub/dir/one', '440 ./some/two']);
    expect(await inPod('files', 'cd /v; od -An -tx1 all/blob; cat all/two.txt some/two; ls none')).toEqual([
      ' ff 00 fe',
      'zwei',
      'zwei',
    ]);
    expect(await inPod('files', 'touch /v/all/new 2>&1 || true')).toEqual(['touch: /v/all/new: Read-only file system']);
  });

  it('reaches a running pod when it is edited, all keys at once; a subPath keeps what it was', async () => {
    dropObject('ConfigMap', 'live', { data: { one: 'old\n', two: 'old\n' } });
    // Each look goes to one version of the volume; what is half of it would print a mixed line.
    const look = '(cd -P /live/..data && echo $(cat one two))';
    const watcher = shell('app', `trap "exit 0" TERM; while :; do ${look} >> /log/seen; sleep 0.02; done`, {
      volumeMounts: [
        { name: 'live', mountPath: '/live' },
        { name: 'live', mountPath: '/one', subPath: 'one' },
        { name: 'log', mountPath: '/log' },
      ],
    });
    const volumes = [
      { name: 'live', configMap: { name: 'live' } },
      { name: 'log', emptyDir: {} },
    ];
    host.drop('live.yaml', podManifest('live', [watcher], { volumes }));
    const before = await host.waitForPod('live', isReady);
    const log = onHost(before, 'kubernetes.io~empty-dir', 'log', 'seen');
    const seen = (): string[] => [...new Set(readFileSync(log, 'utf8').split('\n'))].filter((line) => line !== '');
    await until('a first look', 5_000, () => seen().length > 0);
    dropObject('ConfigMap', 'live', { data: { one: 'new\n', two: 'new\n' } });
    await until('the edit to be seen', 1_000, () => seen().includes('new new'));
    expect(seen()).toEqual(['old old', 'new new']);
    expect(await inPod('live', 'cat /live/one /one')).toEqual(['new', 'old']);
    const after = await host.waitForPod('live', isReady);
    expect(statusOf(after)).toEqual(statusOf(before));
  });

  it('that is missing keeps its pod waiting, which starts as soon as it is there', async () => {
    const volumes = [{ name: 'late', configMap: { name: 'late' } }];
    const app = sleeper('app', { volumeMounts: [{ name: 'late', mountPath: '/late' }] });
    host.drop('late.yaml', podManifest('late', [app], { volumes }));
    await waitForMountFailure('late', 'MountVolume.SetUp failed for volume "late" : configmap "late" not found');
    const waiting = await host.waitForPod('late', () => true);
    expect([waiting.pod.status?.phase, statusOf(waiting)?.state?.waiting?.reason]).toEqual([
      'Pending',
      'ContainerCreating',
    ]);
    dropObject('ConfigMap', 'late', { data: { key: 'here' } });
    // A failed sync is repeated after 10 s at the earliest.
    await host.waitForPod('late', isReady, 7_000);
    expect(await inPod('late', 'cat /late/key')).toEqual(['here']);
  });
});

describe('a Secret', () => {
  it('is in memory, for the eyes of its pod; a user that is not root reads and writes by fsGroup', async () => {
    dropObject('Secret', 'secret', { stringData: { password: 'hunter2' } });
    const report = await run(
      'secret',
      [
        { name: 'secret', secret: { secretName: 'secret', defaultMode: 0o400 } },
        { name: 'scratch', emptyDir: {} },
        { name: 'ram', emptyDir: { medium: 'Memory' } },
      ],
      ['secret', 'scratch', 'ram'].map((name) => ({ name, mountPath: `/${name}` })),
      { securityContext: { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000 } },
    );
    const script = [
      'stat -fc %t /secret /ram',
      'id -G',
      'cat /secret/password; echo',
      'stat -Lc "%a %u:%g" /secret/password',
      'for d in scratch ram; do echo mine > /$d/file; stat -c "%u:%g" /$d/file; done',
    ];
    expect(await inPod('secret', script.join('; '))).toEqual([
      TMPFS.toString(16),
      TMPFS.toString(16),
      '3000 2000',
      'hunter2',
      '440 0:2000',
      '1000:2000',
      '1000:2000',
    ]);
    const volume = onHost(report, 'kubernetes.io~secret', 'secret');
    expect(statfsSync(volume).type).toBe(TMPFS);
    // What is above the mount lets nobody through but root.
    expect((statSync(onHost(report)).mode & 0o007).toString(8)).toBe('0');
    dropObject('Secret', 'secret', { stringData: { password: 'hunter3' } });
    const file = join(volume, 'password');
    await until('the new password', 2_000, () => readFileSync(file, 'utf8') === 'hunter3');
    expect(await inPod('secret', 'cat /secret/password; stat -Lc "-%a %u:%g" /secret/password')).toEqual([
      'hunter3-440 0:2000',
    ]);
  });
});

describe('what a pod knows of itself', () => {
  it('is files of a downwardAPI volume; projected puts several sources into one directory', async () => {
    dropObject('ConfigMap', 'part', { data: { shared: 'of the ConfigMap', config: 'c' } });
    dropObject('Secret', 'part', { stringData: { shared: 'of the Secret', token: 't' } });
    const items = [
      { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
      { path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } },
      { path: 'cpu', resourceFieldRef: { containerName: 'app', resource: 'limits.cpu', divisor: '1m' } },
    ];
    const sources = [
      { configMap: { name: 'part' } },
      { secret: { name: 'part', items: [{ key: 'token', path: 'in/token', mode: 0o400 }] } },
      { secret: { name: 'part', items: [{ key: 'shared', path: 'shared' }] } },
      { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      { configMap: { name: 'missing', optional: true } },
    ];
    const volumeMounts = ['down', 'all'].map((name) => ({ name, mountPath: `/${name}` }));
    const app = sleeper('app', { volumeMounts, resources: { limits: { cpu: '250m', memory: '32Mi' } } });
    host.drop('self.yaml', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'self', labels: { app: 'self', tier: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 3,
        containers: [app],
        volumes: [
          { name: 'down', downwardAPI: { items } },
          { name: 'all', projected: { defaultMode: 0o444, sources } },
        ],
      },
    });
    await host.waitForPod('self', isReady);
    expect(await inPod('self', 'cd /down; for f in labels namespace cpu; do cat $f; echo; done')).toEqual([
      'app="self"',
      'tier="web"',
      'default',
      '250',
    ]);
    expect(
      await inPod('self', 'cd /all; for f in config in/token name shared; do stat -Lc %a $f; cat $f; echo; done'),
    ).toEqual(['444', 'c', '400', 't', '444', `self-${host.name}`, '444', 'of the Secret']);
    expect(await inPod('self', 'stat -fc %t /all /down')).toEqual([TMPFS.toString(16), TMPFS.toString(16)]);
  });
});

describe('an emptyDir', () => {
  it('in memory has its size and no more; it outlives its containers', async () => {
    const volumes = [{ name: 'ram', emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } }];
    const report = await run('ram', volumes, [{ name: 'ram', mountPath: '/ram' }]);
    expect(await inPod('ram', 'df -k /ram | tail -1 | tr -s " " | cut -d" " -f2')).toEqual(['4096']);
    expect(await inPod('ram', 'dd if=/dev/zero of=/ram/full bs=1M count=8 2>&1 | grep -c "No space"')).toEqual(['1']);
    await inPod('ram', 'rm /ram/full; echo kept > /ram/file');
    const id = statusOf(report)?.containerID?.slice('docker://'.length) ?? '';
    await host.docker.getContainer(id).kill({ signal: 'SIGKILL' });
    await host.waitForPod('ram', (one) => isReady(one) && statusOf(one)?.restartCount === 1);
    expect(await inPod('ram', 'cat /ram/file')).toEqual(['kept']);
  });
});

describe('a hostPath', () => {
  it('is what its type says, or is made', async () => {
    const at = (name: string): string => join(host.dir, 'host-path', name);
    mkdirSync(at('dir'), { recursive: true });
    writeFileSync(at('file'), 'of the host\n');
    const types: Record<string, string> = {
      Directory: at('dir'),
      File: at('file'),
      DirectoryOrCreate: at('new/dir'),
      FileOrCreate: at('new/file'),
      Socket: host.dockerSocket,
      CharDevice: '/dev/null',
    };
    await run(
      'types',
      Object.entries(types).map(([type, path]) => ({ name: type.toLowerCase(), hostPath: { path, type } })),
      Object.keys(types).map((type) => ({ name: type.toLowerCase(), mountPath: `/v/${type}` })),
    );
    expect(
      await inPod('types', 'cd /v; stat -c "%F %n" *; cat File; echo pod > FileOrCreate; touch Directory/new'),
    ).toEqual([
      'character special file CharDevice',
      'directory Directory',
      'directory DirectoryOrCreate',
      'regular file File',
      'regular empty file FileOrCreate',
      'socket Socket',
      'of the host',
    ]);
    expect([readFileSync(at('new/file'), 'utf8'), existsSync(at('dir/new'))]).toEqual(['pod\n', true]);
  });

  it('of another type is an event, and no container', async () => {
    const path = join(host.dir, 'plain');
    writeFileSync(path, '');
    const app = sleeper('app', { volumeMounts: [{ name: 'dir', mountPath: '/dir' }] });
    host.drop(
      'wrong.yaml',
      podManifest('wrong', [app], { volumes: [{ name: 'dir', hostPath: { path, type: 'Directory' } }] }),
    );
    const message = `MountVolume.SetUp failed for volume "dir" : hostPath type check failed: ${path} is not a directory`;
    await waitForMountFailure('wrong', message);
  });
});

describe('a part of a volume', () => {
  it('is made where it is missing; its name may come from the environment; readOnly holds', async () => {
    const env = [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
    const volumeMounts = [
      { name: 'data', mountPath: '/all' },
      { name: 'data', mountPath: '/part', subPath: 'a/b' },
      { name: 'data', mountPath: '/own', subPathExpr: 'pods/$(POD_NAME)' },
      { name: 'data', mountPath: '/ro', subPath: 'a', readOnly: true },
    ];
    const volumes = [{ name: 'data', emptyDir: {} }];
    host.drop('parts.yaml', podManifest('parts', [sleeper('app', { env, volumeMounts })], { volumes }));
    await host.waitForPod('parts', isReady);
    const script =
      'echo part > /part/f; echo own > /own/f; cd /all; find . -type f | sort; touch /ro/x 2>&1 || true; cat /ro/b/f';
    expect(await inPod('parts', script)).toEqual([
      './a/b/f',
      `./pods/parts-${host.name}/f`,
      'touch: /ro/x: Read-only file system',
      'part',
    ]);
  });

  it('that a container exchanged for a link to the host is refused (CVE-2017-1002101, CVE-2021-25741)', async () => {
    const secret = join(host.dir, 'of-the-host');
    mkdirSync(secret, { recursive: true });
    writeFileSync(join(secret, 'file'), 'of the host');
    const data = { name: 'data', mountPath: '/all' };
    const part = (subPath: string) => ({ name: 'data', mountPath: '/part', subPath });
    const volumes = [{ name: 'data', emptyDir: {} }];
    // Its first run finds its own directory, and leaves a link in the place of it.
    const swap = `cat /part/file 2> /dev/null && sleep 100000; mv /all/dir /all/old; ln -s ${secret} /all/dir; exit 1`;
    host.drop(
      'swap.yaml',
      podManifest('swap', [shell('app', swap, { volumeMounts: [data, part('dir')] })], { volumes }),
    );
    // Links that lead to a host's directory by another way, and one that stays inside.
    const prepare = shell('prepare', `cd /all; ln -s ${secret} abs; mkdir x good; ln -s / x/up; ln -s ../good x/in`, {
      volumeMounts: [data],
    });
    const look = (name: string, subPath: string) => sleeper(name, { volumeMounts: [part(subPath)] });
    host.drop(
      'links.yaml',
      podManifest('links', [look('abs', 'abs'), look('up', `x/up${secret}`), look('in', 'x/in')], {
        volumes,
        initContainers: [prepare],
      }),
    );
    const isRefused = (report: PodReport, name?: string): boolean =>
      statusOf(report, name)?.state?.waiting?.reason === 'CreateContainerConfigError';
    const links = await host.waitForPod('links', (one) => ['abs', 'up'].every((name) => isRefused(one, name)));
    expect(statusOf(links, 'in')?.state?.running).toBeDefined();
    expect(statusOf(links, 'abs')?.state?.waiting?.message).toBe(
      'failed to prepare subPath for volumeMount "data" of container "abs"',
    );
    const swapped = await host.waitForPod('swap', (one) => isRefused(one));
    expect(statusOf(swapped)?.lastState?.terminated?.exitCode).toBe(1);
  });
});

describe('a PersistentVolumeClaim', () => {
  const claim = (name: string, spec: object = {}): void =>
    dropObject('PersistentVolumeClaim', name, {
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
    });
  const volume = (name: string, source: object): void =>
    dropObject('PersistentVolume', name, {
      spec: { capacity: { storage: '2Gi' }, accessModes: ['ReadWriteOnce'], ...source },
    });
  const directory = (name: string): string => {
    const path = join(host.dir, 'pv', name);
    mkdirSync(path, { recursive: true });
    return path;
  };

  it('gives a pod its PersistentVolume, on the host or local', async () => {
    const [plain, local] = [directory('plain'), directory('local')];
    volume('plain', { storageClassName: 'plain', hostPath: { path: plain } });
    const terms = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [host.name] }] }];
    volume('local', {
      storageClassName: 'local',
      local: { path: local },
      nodeAffinity: { required: { nodeSelectorTerms: terms } },
    });
    claim('plain', { storageClassName: 'plain' });
    claim('local', { storageClassName: 'local' });
    await run(
      'claims',
      [
        { name: 'plain', persistentVolumeClaim: { claimName: 'plain' } },
        { name: 'local', persistentVolumeClaim: { claimName: 'local' } },
        { name: 'ro', persistentVolumeClaim: { claimName: 'plain', readOnly: true } },
      ],
      ['plain', 'local', 'ro'].map((name) => ({ name, mountPath: `/${name}` })),
    );
    await inPod('claims', 'echo 1 > /plain/file; echo 2 > /local/file');
    expect([readFileSync(join(plain, 'file'), 'utf8'), readFileSync(join(local, 'file'), 'utf8')]).toEqual([
      '1\n',
      '2\n',
    ]);
    expect(await inPod('claims', 'cat /ro/file; touch /ro/new 2>&1 || true')).toEqual([
      '1',
      'touch: /ro/new: Read-only file system',
    ]);
  });

  it('that is not bound keeps its pod waiting, which starts as soon as there is a volume', async () => {
    claim('unbound', { storageClassName: 'later' });
    const app = sleeper('app', { volumeMounts: [{ name: 'data', mountPath: '/data' }] });
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'unbound' } }];
    host.drop('unbound.yaml', podManifest('unbound', [app], { volumes }));
    await waitForMountFailure('unbound', 'pod has unbound immediate PersistentVolumeClaims');
    volume('later', { storageClassName: 'later', hostPath: { path: directory('later') } });
    // A failed sync is repeated after 10 s at the earliest.
    await host.waitForPod('unbound', isReady, 7_000);
    await inPod('unbound', 'touch /data/file');
    expect(readdirSync(directory('later'))).toEqual(['file']);
  });
});

describe('the files of an image', () => {
  const reference = 'podwright-test/data:1';

  /** An image of two layers: the upper one adds, changes and takes away. */
  async function makeImage(): Promise<string> {
    const change = 'mkdir /data; echo new > /data/file; echo changed > /etc/group; rm /etc/passwd; rm -r /tmp';
    const container = await host.docker.createContainer({ Image: image, Cmd: ['sh', '-c', change] });
    await container.start();
    await container.wait();
    await container.commit({ repo: 'podwright-test/data', tag: '1' });
    await container.remove();
    return (await host.docker.getImage(reference).inspect()).Id;
  }

  it('are a volume to read, in whole or in part; nobody can write to it', async () => {
    const id = await makeImage();
    const report = await run(
      'image',
      [
        { name: 'files', image: { reference } },
        { name: 'base', image: { reference: image, pullPolicy: 'Never' } },
      ],
      [
        { name: 'files', mountPath: '/files' },
        { name: 'files', mountPath: '/part', subPath: 'data' },
        { name: 'base', mountPath: '/base' },
      ],
    );
    expect(
      await inPod('image', 'cd /files; ls etc data; cat etc/group /part/file; ls -d tmp var 2>&1 || true'),
    ).toEqual(['data:', 'file', '', 'etc:', 'group', 'changed', 'new', 'ls: tmp: No such file or directory', 'var']);
    expect(await inPod('image', 'ls /base/etc; touch /files/x 2>&1 || true; touch /part/x 2>&1 || true')).toEqual([
      'group',
      'passwd',
      'touch: /files/x: Read-only file system',
      'touch: /part/x: Read-only file system',
    ]);
    const target = onHost(report, 'kubernetes.io~image', 'files');
    expect((await host.exec('findmnt', ['-no', 'FSTYPE,SOURCE', target])).stdout.split(/\s+/)).toEqual(['overlay', id]);
    await host.docker.getImage(reference).remove();
  });

  it('that cannot be had keep the containers that mount them waiting, and no other', async () => {
    const volumes = [
      { name: 'never', image: { reference: 'podwright-test/none:1', pullPolicy: 'Never' } },
      { name: 'pull', image: { reference: '203.0.113.255:1/none:1' } },
    ];
    const containers = ['never', 'pull'].map((name) =>
      sleeper(name, { volumeMounts: [{ name, mountPath: '/files' }] }),
    );
    host.drop('noimage.yaml', podManifest('noimage', [...containers, sleeper('app')], { volumes }));
    const reasonOf = (report: PodReport, name: string) => statusOf(report, name)?.state?.waiting?.reason;
    const report = await host.waitForPod('noimage', (one) => {
      return reasonOf(one, 'never') === 'ErrImageNeverPull' && statusOf(one)?.state?.running !== undefined;
    });
    expect(['ErrImagePull', 'ImagePullBackOff']).toContain(reasonOf(report, 'pull'));
    expect(statusOf(report, 'never')?.state?.waiting?.message).toBe(
      'Container image "podwright-test/none:1" is not present with pull policy of Never',
    );
    expect(await events('noimage')).toContain('Failed to pull image "203.0.113.255:1/none:1"');
  });
});

describe('mounts below a volume', () => {
  /** A directory on a mount that passes on what is mounted below it. */
  async function withShared(name: string, use: (path: string) => Promise<void>): Promise<void> {
    const path = join(host.dir, name);
    mkdirSync(path);
    await host.exec('mount', ['--bind', path, path]);
    try {
      await host.exec('mount', ['--make-shared', path]);
      await use(path);
    } finally {
      await host.exec('umount', ['--recursive', '--lazy', path]);
    }
  }

  it('of the host reach a running container with HostToContainer, and no other', () =>
    withShared('to-container', async (path) => {
      const volumeMounts = [
        { name: 'host', mountPath: '/slave', mountPropagation: 'HostToContainer' },
        { name: 'host', mountPath: '/private' },
      ];
      await run('slave', [{ name: 'host', hostPath: { path, type: 'Directory' } }], volumeMounts);
      mkdirSync(join(path, 'late'));
      await host.exec('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'late', join(path, 'late')]);
      writeFileSync(join(path, 'late', 'file'), '');
      expect(await inPod('slave', 'ls /slave/late; echo -; ls /private/late')).toEqual(['file', '-']);
    }));

  it.skipIf(!allowsPrivileged)('of a privileged container reach the host with Bidirectional', () =>
    withShared('to-host', async (path) => {
      const app = sleeper('app', {
        securityContext: { privileged: true },
        volumeMounts: [{ name: 'host', mountPath: '/shared', mountPropagation: 'Bidirectional' }],
      });
      host.drop('shared.yaml', podManifest('shared', [app], { volumes: [{ name: 'host', hostPath: { path } }] }));
      await host.waitForPod('shared', isReady);
      await inPod('shared', 'mkdir /shared/own; mount -t tmpfs -o size=1m own /shared/own; touch /shared/own/file');
      expect(statfsSync(join(path, 'own')).type).toBe(TMPFS);
      expect(readdirSync(join(path, 'own'))).toEqual(['file']);
    }),
  );
});

describe('a daemon that is killed', () => {
  it('leaves no mount behind once the pod is gone, wherever it was on the way', async () => {
    dropObject('Secret', 'kill', { stringData: { key: 'value' } });
    const local = join(host.dir, 'pv', 'kill');
    mkdirSync(local, { recursive: true });
    dropObject('PersistentVolume', 'kill', {
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], local: { path: local } },
    });
    dropObject('PersistentVolumeClaim', 'kill', {
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    const volumes = [
      { name: 'secret', secret: { secretName: 'kill' } },
      { name: 'ram', emptyDir: { medium: 'Memory' } },
      { name: 'image', image: { reference: image } },
      { name: 'local', persistentVolumeClaim: { claimName: 'kill' } },
    ];
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
    const part = { name: 'local', mountPath: '/part', subPath: 'part' };
    const manifest = podManifest('kill', [sleeper('app', { volumeMounts: [...volumeMounts, part] })], { volumes });
    const mounts = async (): Promise<number> => (await host.footprint()).mounts.length;
    for (const point of [1, 3, 5]) {
      host.drop('kill.yaml', manifest);
      await until(`${point} mounts`, 15_000, async () => (await mounts()) >= point, { intervalMs: 1 });
      await daemon.kill9();
      host.removeManifest('kill.yaml');
      daemon = host.startDaemon();
      await until('nothing to be left', 30_000, async () => (await host.leaks()).length === 0, { intervalMs: 100 });
      expect(readdirSync(local).filter((name) => name !== 'part')).toEqual([]);
    }
  });
});
