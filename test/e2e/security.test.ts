import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createHost,
  isReady,
  loadImages,
  until,
  type DaemonHandle,
  type PodReport,
  type TestHost,
} from '../lab/index.ts';
import { image, podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;

/** Bits of capabilities (linux/capability.h). */
const netRaw = 1n << 13n;
const netAdmin = 1n << 12n;
const netBindService = 1n << 10n;

/** A seccomp profile under which nobody can make a directory. */
const noMkdir = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
};

beforeAll(async () => {
  host = await createHost();
  await loadImages(host.docker, [{ name: 'podwright-test/named-user:1', config: { Cmd: ['sh'], User: 'app' } }]);
  mkdirSync(join(host.rootDir, 'seccomp/profiles'), { recursive: true });
  writeFileSync(join(host.rootDir, 'seccomp/profiles/no-mkdir.json'), JSON.stringify(noMkdir));
  daemon = host.startDaemon();
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
});

afterEach(async () => {
  for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
  await until('all pods to be gone', 60_000, async () => (await host.leaks()).length === 0, { intervalMs: 100 });
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
});

const statusOf = ({ pod }: PodReport, name: string) =>
  pod.status?.containerStatuses?.find((status) => status.name === name);
const isFailed = ({ pod }: PodReport): boolean => pod.status?.phase === 'Failed';
const isWaiting =
  (name: string, reason: string) =>
  (report: PodReport): boolean =>
    statusOf(report, name)?.state?.waiting?.reason === reason;

async function inspect(report: PodReport, name: string) {
  const id = statusOf(report, name)?.containerID?.slice('docker://'.length) ?? '';
  return host.docker.getContainer(id).inspect();
}

/** A file of the main process of a container in the host's /proc. */
async function procFile(report: PodReport, name: string, file: string): Promise<string> {
  const { State } = await inspect(report, name);
  return `/proc/${State.Pid}/${file}`;
}

/** What the kernel says of the main process of a container: `proc_pid_status(5)`. */
async function credentials(report: PodReport, name: string) {
  const text = readFileSync(await procFile(report, name, 'status'), 'utf8');
  const field = (key: string): string => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  const ids = (key: string): number[] => field(key).split(/\s+/).filter(Boolean).map(Number);
  return {
    uid: ids('Uid')[1],
    gid: ids('Gid')[1],
    groups: ids('Groups').sort((a, b) => a - b),
    capabilities: BigInt(`0x${field('CapEff')}`),
    noNewPrivileges: field('NoNewPrivs'),
    seccomp: field('Seccomp'),
  };
}

async function run(pod: string, container: string, script: string): Promise<string> {
  const target = ['exec', pod, '-c', container, '--socket', host.podwrightSocket];
  const { stdout, stderr } = await host.podwright([...target, '--', 'sh', '-c', script]);
  return [stdout, stderr].filter((text) => text !== '').join('\n');
}

/** The user, the group, all groups. */
async function ids(report: PodReport, name: string): Promise<unknown[]> {
  const { uid, gid, groups } = await credentials(report, name);
  return [uid, gid, groups];
}

describe('users', () => {
  it('are those of the container, then of the pod, then of the image; files of volumes get the fsGroup', async () => {
    host.drop(
      'users.yaml',
      podManifest(
        'users',
        [
          shell('pod', 'touch /data/file; sleep 100000', { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
          sleeper('own', { securityContext: { runAsUser: 1005, runAsGroup: 0 } }),
        ],
        {
          securityContext: { runAsUser: 1001, runAsGroup: 1002, fsGroup: 4001, supplementalGroups: [3001, 3002] },
          volumes: [{ name: 'data', emptyDir: {} }],
        },
      ),
    );
    host.drop(
      'image-user.yaml',
      podManifest('image-user', [
        sleeper('image', { image: 'podwright-test/nonroot:1', securityContext: { runAsNonRoot: true } }),
        sleeper('group', { image: 'podwright-test/nonroot:1', securityContext: { runAsGroup: 2002 } }),
        sleeper('root'),
      ]),
    );
    const users = await host.waitForPod('users', isReady);
    expect(await ids(users, 'pod')).toEqual([1001, 1002, [1002, 3001, 3002, 4001]]);
    expect(await ids(users, 'own')).toEqual([1005, 0, [0, 3001, 3002, 4001]]);
    expect(await run('users', 'pod', 'stat -c "%u %g" /data/file')).toBe('1001 4001');
    const ofImage = await host.waitForPod('image-user', isReady);
    expect(await ids(ofImage, 'image')).toEqual([1000, 1000, [1000]]);
    expect(await ids(ofImage, 'group')).toEqual([1000, 2002, [2002]]);
    expect(await ids(ofImage, 'root')).toEqual([0, 0, [0]]);
  });

  it('must not be root where the pod says so: nothing is created, the container says why', async () => {
    const securityContext = { runAsNonRoot: true };
    host.drop(
      'non-root.yaml',
      podManifest(
        'non-root',
        [
          sleeper('root'),
          sleeper('asked', { securityContext: { runAsUser: 0 } }),
          sleeper('named', { image: 'podwright-test/named-user:1' }),
          sleeper('good', { securityContext: { runAsUser: 7 } }),
        ],
        { securityContext },
      ),
    );
    const waits = (report: PodReport): boolean =>
      ['root', 'asked', 'named'].every((name) => isWaiting(name, 'CreateContainerConfigError')(report)) &&
      statusOf(report, 'good')?.state?.running !== undefined;
    const report = await host.waitForPod('non-root', waits);
    const { name, namespace, uid } = report.pod.metadata;
    const messageOf = (container: string): string | undefined => statusOf(report, container)?.state?.waiting?.message;
    const where = (container: string): string => `(pod: "${name}_${namespace}(${uid})", container: ${container})`;
    expect(messageOf('root')).toBe(`container has runAsNonRoot and image will run as root ${where('root')}`);
    expect(messageOf('asked')).toBe(`container's runAsUser breaks non-root policy ${where('asked')}`);
    expect(messageOf('named')).toBe(
      `container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root ${where('named')}`,
    );
    expect(await ids(report, 'good')).toEqual([7, 0, [0]]);
    expect((await host.containers()).filter(({ Names }) => !/_(POD|good)_/.test(Names.join()))).toEqual([]);
  });
});

describe('privileges', () => {
  it('capabilities are added and dropped; escalation can be forbidden', async () => {
    const context = (capabilities: object, more: object = {}) => ({ securityContext: { capabilities, ...more } });
    host.drop(
      'caps.yaml',
      podManifest('caps', [
        sleeper('default'),
        sleeper('none', context({ drop: ['ALL'] }, { allowPrivilegeEscalation: false })),
        sleeper('one', context({ drop: ['ALL'], add: ['CAP_NET_ADMIN', 'net_bind_service'] })),
        sleeper('less', context({ drop: ['NET_RAW'], add: ['NET_ADMIN'] })),
        sleeper('user', context({ add: ['NET_ADMIN'] }, { runAsUser: 1000 })),
      ]),
    );
    const report = await host.waitForPod('caps', isReady);
    const usual = await credentials(report, 'default');
    expect(usual.capabilities & (netRaw | netAdmin)).toBe(netRaw);
    expect(usual.noNewPrivileges).toBe('0');
    expect(await credentials(report, 'none')).toMatchObject({ capabilities: 0n, noNewPrivileges: '1' });
    expect((await credentials(report, 'one')).capabilities).toBe(netAdmin | netBindService);
    expect((await credentials(report, 'less')).capabilities).toBe((usual.capabilities & ~netRaw) | netAdmin);
    expect((await credentials(report, 'user')).capabilities).toBe(0n);
  });

  it('a read-only root file system is one, beside volumes, /etc/hosts and the last words', async () => {
    const words = 'touch /file 2> /data/error; cat /etc/hosts > /data/hosts; echo -n bye > /dev/termination-log';
    host.drop(
      'read-only.yaml',
      podManifest(
        'read-only',
        [
          shell('app', words, {
            securityContext: { readOnlyRootFilesystem: true },
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          }),
        ],
        {
          restartPolicy: 'Never',
          volumes: [{ name: 'data', hostPath: { path: `${host.dir}/ro`, type: 'DirectoryOrCreate' } }],
        },
      ),
    );
    const report = await host.waitForPod('read-only', ({ pod }) => pod.status?.phase === 'Succeeded');
    expect(statusOf(report, 'app')?.state?.terminated?.message).toBe('bye');
    expect(readFileSync(`${host.dir}/ro/error`, 'utf8')).toContain('Read-only file system');
    expect(readFileSync(`${host.dir}/ro/hosts`, 'utf8')).toContain(report.pod.metadata.name);
  });

  it('a privileged container has all that the machine has', async (context) => {
    const securityContext = { privileged: true, seccompProfile: { type: 'RuntimeDefault' } };
    host.drop('privileged.yaml', podManifest('privileged', [sleeper('app', { securityContext })]));
    const report = await host.waitForPod(
      'privileged',
      (pod) => isReady(pod) || isWaiting('app', 'RunContainerError')(pod) || isWaiting('app', 'CrashLoopBackOff')(pod),
    );
    if (!isReady(report)) context.skip(`this machine refuses it: ${JSON.stringify(statusOf(report, 'app'))}`);
    const own = /^CapBnd:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
    expect(await credentials(report, 'app')).toMatchObject({ capabilities: BigInt(`0x${own}`), seccomp: '0' });
  });
});

describe('seccomp', () => {
  it('profiles are the runtime’s, none, or a file of the node', async () => {
    const profile = (type: string, localhostProfile?: string) => ({
      securityContext: { seccompProfile: { type, ...(localhostProfile === undefined ? {} : { localhostProfile }) } },
    });
    host.drop(
      'seccomp.yaml',
      podManifest('seccomp', [
        sleeper('default'),
        sleeper('runtime', profile('RuntimeDefault')),
        sleeper('none', profile('Unconfined')),
        sleeper('file', profile('Localhost', 'profiles/no-mkdir.json')),
        sleeper('missing', profile('Localhost', 'profiles/missing.json')),
      ]),
    );
    const report = await host.waitForPod(
      'seccomp',
      (pod) => isWaiting('missing', 'CreateContainerConfigError')(pod) && statusOf(pod, 'file')?.ready === true,
    );
    const modes = ['default', 'runtime', 'none', 'file'].map(async (name) => (await credentials(report, name)).seccomp);
    expect(await Promise.all(modes)).toEqual(['0', '2', '0', '2']);
    expect(await run('seccomp', 'none', 'mkdir /tmp/new && echo made')).toBe('made');
    expect(await run('seccomp', 'file', 'mkdir /tmp/new; echo there > /tmp/file; cat /tmp/file')).toBe(
      "there\nmkdir: can't create directory '/tmp/new': Operation not permitted",
    );
    expect(statusOf(report, 'missing')?.state?.waiting?.message).toContain(
      join(host.rootDir, 'seccomp/profiles/missing.json'),
    );
  });
});

describe('namespaces of the host', () => {
  it('are shared where the pod says so', async () => {
    host.drop('shared.yaml', podManifest('shared', [sleeper('app')], { hostPID: true, hostIPC: true }));
    host.drop('own.yaml', podManifest('own', [sleeper('a'), sleeper('b')]));
    const shared = await host.waitForPod('shared', isReady);
    const own = await host.waitForPod('own', isReady);
    const namespace = async (report: PodReport, name: string, kind: string): Promise<string> =>
      readlinkSync(await procFile(report, name, `ns/${kind}`));
    for (const kind of ['pid', 'ipc']) {
      const ofHost = readlinkSync(`/proc/${daemon.pid}/ns/${kind}`);
      expect(await namespace(shared, 'app', kind)).toBe(ofHost);
      expect(await namespace(own, 'a', kind)).not.toBe(ofHost);
    }
    expect(await namespace(own, 'a', 'ipc')).toBe(await namespace(own, 'b', 'ipc'));
    expect(await namespace(own, 'a', 'pid')).not.toBe(await namespace(own, 'b', 'pid'));
  });
});

describe('kernel parameters', () => {
  const sysctls = (...list: readonly { name: string; value: string }[]) => ({ securityContext: { sysctls: list } });

  it('that are safe are set, others fail the pod, unless the node allows them', async () => {
    const [safe, unsafe] = [
      { name: 'net/ipv4/ip_unprivileged_port_start', value: '80' },
      { name: 'kernel.msgmax', value: '65000' },
    ];
    host.drop('safe.yaml', podManifest('safe', [sleeper('app')], sysctls(safe)));
    host.drop('unsafe.yaml', podManifest('unsafe', [sleeper('app')], sysctls(unsafe)));
    const failed = await host.waitForPod('unsafe', isFailed);
    expect(failed.pod.status).toMatchObject({
      reason: 'SysctlForbidden',
      message: 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted',
    });
    await host.waitForPod('safe', isReady);
    expect(await run('safe', 'app', 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('80');

    await daemon.stop();
    daemon = host.startDaemon({ kubelet: { allowedUnsafeSysctls: ['kernel.msg*'], seccompDefault: true } });
    host.drop('allowed.yaml', podManifest('allowed', [sleeper('app')], sysctls(unsafe)));
    const allowed = await host.waitForPod('allowed', isReady);
    expect(await run('allowed', 'app', 'cat /proc/sys/kernel/msgmax')).toBe('65000');
    // What failed stays so; what runs is not judged anew, and keeps the profile that it was started with.
    expect((await host.waitForPod('unsafe', isFailed)).pod.status).toEqual(failed.pod.status);
    expect((await credentials(allowed, 'app')).seccomp).toBe('2');
    expect((await credentials(await host.waitForPod('safe', isReady), 'app')).seccomp).toBe('0');
  });
});

describe('what Docker cannot do', () => {
  const refused: readonly (readonly [string, object, object, string])[] = [
    ['users', { hostUsers: false }, {}, 'spec.hostUsers: '],
    [
      'groups',
      { securityContext: { supplementalGroupsPolicy: 'Strict' } },
      {},
      'spec.securityContext.supplementalGroupsPolicy: ',
    ],
    [
      'profile',
      {},
      { appArmorProfile: { type: 'RuntimeDefault' } },
      'spec.containers[1].securityContext.appArmorProfile',
    ],
  ];

  it('fails the pod with the path of the field, and nothing of it runs', async () => {
    for (const [name, spec, securityContext] of refused) {
      host.drop(`${name}.yaml`, podManifest(name, [sleeper('first'), sleeper('second', { securityContext })], spec));
    }
    for (const [name, , , path] of refused) {
      const { pod } = await host.waitForPod(name, isFailed);
      expect(pod.status?.message).toContain(path);
      expect(pod.status?.containerStatuses?.map(({ state }) => state?.running)).toEqual([undefined, undefined]);
    }
    expect(await host.containers()).toEqual([]);
  });

  it('or refuses the manifest: an unmasked /proc needs users of its own', async () => {
    const securityContext = { procMount: 'Unmasked' };
    host.drop('proc.yaml', podManifest('proc', [{ name: 'app', image, securityContext }]));
    const problem = await until('the problem', 20_000, async () => (await host.status()).problems[0]);
    expect(JSON.stringify(problem)).toContain('procMount');
    expect(await host.containers()).toEqual([]);
  });
});

describe('what others may learn', () => {
  const secrets = ['hunter2-in-a-variable', 'hunter2-in-a-secret', 'hunter2-in-a-map'];

  /** Those of the secrets that a text holds, also in base64. */
  const heldBy = (text: string): readonly string[] =>
    secrets.filter((one) => text.includes(one) || text.includes(Buffer.from(one).toString('base64')));

  async function runPodWithSecrets(): Promise<void> {
    const [variable, secret, map] = secrets;
    const metadata = { name: 'login' };
    host.drop('secret.yaml', { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { word: secret } });
    host.drop('map.yaml', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { word: map } });
    const env = [
      { name: 'A', value: variable },
      { name: 'B', valueFrom: { secretKeyRef: { name: 'login', key: 'word' } } },
    ];
    const volumes = [
      { name: 'secret', secret: { secretName: 'login' } },
      { name: 'map', configMap: { name: 'login' } },
    ];
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
    host.drop('web.yaml', podManifest('web', [sleeper('app', { env, volumeMounts })], { volumes }));
    await host.waitForPod('web', isReady);
  }

  it('no log, event, process argument or support dump tells a secret', async () => {
    await runPodWithSecrets();
    const events = await host.podwright(['events', '--socket', host.podwrightSocket, '-o', 'json']);
    expect(events.stdout).toContain('Started');
    const archive = join(host.dir, 'support.tar.gz');
    const flags = ['--config', host.configFile, '--socket', host.podwrightSocket, '--root-dir', host.rootDir];
    const dump = await host.podwright(['support-dump', '-o', archive, '--manifests', host.manifestDir, ...flags]);
    expect([dump.stdout.trim(), statSync(archive).mode & 0o777]).toEqual([archive, 0o600]);
    const content = await host.exec('tar', ['-xzOf', archive]);
    expect(content.stdout).toContain('"name": "web-h1"');
    const all = {
      events: events.stdout,
      log: JSON.stringify(daemon.log()),
      'process arguments': (await host.exec('ps', ['-eo', 'args'])).stdout,
      'support dump': content.stdout,
    };
    expect(Object.entries(all).map(([name, text]) => [name, heldBy(text)])).toEqual(
      Object.keys(all).map((name) => [name, []]),
    );
  });

  it('files that hold secrets are for their owner only, and those of Secrets are in memory', async () => {
    await runPodWithSecrets();
    const found = await host.exec('grep', ['-rlF', '--', secrets[1] ?? '', host.rootDir]);
    const files = found.stdout.split('\n').filter((path) => path !== '');
    expect(files.some((path) => path.includes('kubernetes.io~secret'))).toBe(true);
    for (const path of files.filter((one) => !one.includes('kubernetes.io~secret'))) {
      // A directory on the way that is closed keeps its files closed.
      const closed = [path, dirname(path)].some((one) => (statSync(one).mode & 0o077) === 0);
      expect([path, closed]).toEqual([path, true]);
    }
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    expect(mounts).toMatch(/kubernetes\.io~secret\/secret .* tmpfs /);
    expect(statSync(host.podwrightSocket).mode & 0o777).toBe(0o600);
  });

  it('the socket of the local API is out of reach, whatever a manifest mounts', async () => {
    const volumes = [{ name: 'host', hostPath: { path: host.dir } }];
    const mounts = [
      { name: 'host', mountPath: '/all' },
      { name: 'host', mountPath: '/part', subPath: 'run' },
    ];
    const [whole, part] = mounts.map((mount) => [sleeper('app', { volumeMounts: [mount] })]);
    host.drop('whole.yaml', podManifest('whole', whole ?? [], { volumes }));
    await host.waitForPod('whole', isReady);
    expect(existsSync(host.podwrightSocket)).toBe(true);
    expect(await run('whole', 'app', 'ls /all/manifests; ls -A /all/run; rm -rf /all/run/*; touch /all/run/x')).toMatch(
      /^whole\.yaml\n.*Read-only file system\n/,
    );
    host.drop('part.yaml', podManifest('part', part ?? [], { volumes }));
    const { pod } = await host.waitForPod('part', ({ pod: { status } }) =>
      JSON.stringify(status?.containerStatuses).includes('CreateContainerConfigError'),
    );
    expect(JSON.stringify(pod.status)).toContain('run holds the API of podwright: no container may mount it');
  });

  it('nothing listens beyond localhost', async () => {
    const { stdout } = await host.exec('ss', ['-Htlnp']);
    const own = stdout.split('\n').filter((line) => line.includes(`pid=${daemon.pid},`));
    const addresses = own.map((line) => line.split(/\s+/)[3]?.replace(/:\d+$/, ''));
    expect([...new Set(addresses)]).toEqual(['127.0.0.1']);
  });
});
