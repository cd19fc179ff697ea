import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  ContainerSecurity,
  LinuxResources,
  LogOptions,
  RuntimeContainerStatus,
} from '../../../agent/runtime/types.ts';
import { Collector, createRuntimeHost, never, plainSecurity, type RuntimeHost } from './harness.ts';

let lab: RuntimeHost;

beforeAll(async () => {
  lab = await createRuntimeHost();
});
afterAll(() => lab?.host.remove());

const all: LogOptions = { follow: false, tailLines: undefined, since: undefined, timestamps: false };

describe('logs', () => {
  let id: string;

  beforeAll(async () => {
    id = await lab.run('echo one; echo two >&2; echo three; printf four');
    await lab.output(id);
  });

  async function read(options: Partial<LogOptions>): Promise<readonly [string, string]> {
    const [stdout, stderr] = [new Collector(), new Collector()];
    await lab.runtime.containerLogs(id, { ...all, ...options }, { stdout, stderr }, never);
    return [stdout.text, stderr.text];
  }

  test('of a container that has ended, whole or its last lines', async () => {
    expect(await read({})).toEqual(['one\nthree\nfour', 'two\n']);
    expect(await read({ follow: true })).toEqual(['one\nthree\nfour', 'two\n']);
    expect(await read({ tailLines: 1 })).toEqual(['four', '']);
    expect(await read({ tailLines: 0 })).toEqual(['', '']);
  });

  test('with times, and since a time', async () => {
    const [stdout] = await read({ timestamps: true });
    const times = stdout.split('\n').map((line) => Date.parse(line.split(' ')[0] ?? ''));
    expect(times.map((time) => Date.now() - time < 60_000)).toEqual([true, true, true]);
    expect(await read({ since: Date.now() + 60_000 })).toEqual(['', '']);
    expect(await read({ since: (times[0] ?? 0) - 1_000 })).toEqual(['one\nthree\nfour', 'two\n']);
  });

  test('followed: a line comes when it is written, an abort ends it', async () => {
    const writer = await lab.run('echo ready; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo later; sleep 1000');
    const [stdout, controller] = [new Collector(), new AbortController()];
    const streams = { stdout, stderr: stdout };
    const done = lab.runtime.containerLogs(writer, { ...all, follow: true }, streams, controller.signal);
    await stdout.until('ready\n');
    await lab.runtime.execSync(writer, ['touch', '/tmp/go'], 10_000, never);
    await stdout.until('ready\nlater\n');
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(done).rejects.toBe(reason);
    await lab.runtime.stopContainer(writer, 0, never);
  });

  test('of a terminal', async () => {
    const terminal = await lab.run('echo out; echo err >&2', { tty: true });
    expect(await lab.output(terminal)).toBe('out\r\nerr\r\n');
  });

  test('of a container that is not there', async () => {
    id = 'nosuch';
    await expect(read({})).rejects.toThrow(/No such container/);
  });
});

describe('resources', () => {
  const resources: LinuxResources = { cpuShares: 512, cpuQuota: 20_000, cpuPeriod: 100_000, memoryLimit: 64 * 2 ** 20 };

  test('are changed while the container runs, up, down and away', async () => {
    const id = await lab.run('sleep 1000', { resources: { ...resources, pidsLimit: 50 } });
    expect(await statusOf(id)).toMatchObject({ state: 'running', resources: { ...resources, pidsLimit: 50 } });
    const cgroup = cgroupFiles(await pidOf(id));
    const steps: readonly LinuxResources[] = [
      { cpuShares: 1024, cpuQuota: 50_000, cpuPeriod: 100_000, memoryLimit: 256 * 2 ** 20, pidsLimit: 60 },
      { cpuShares: 2, cpuQuota: 10_000, cpuPeriod: 100_000, memoryLimit: 32 * 2 ** 20 },
      { cpuShares: 2, cpuQuota: 0, cpuPeriod: 0, memoryLimit: 0 },
      { ...resources, pidsLimit: 50 },
    ];
    for (const step of steps) {
      await lab.runtime.updateContainerResources(id, step, never);
      expect((await statusOf(id))?.resources).toEqual(step);
      expect(cgroup()).toEqual({
        quota: step.cpuQuota || -1,
        shares: step.cpuShares,
        memory: step.memoryLimit || 2 ** 53,
        pids: step.pidsLimit ?? 'max',
      });
    }
    await lab.runtime.stopContainer(id, 0, never);
  });

  async function statusOf(id: string): Promise<RuntimeContainerStatus | undefined> {
    return (await lab.runtime.podStatus('runtime-test', never)).containers.find((container) => container.id === id);
  }
});

test('a Docker that cannot make mounts read-only all the way down is not asked to', async () => {
  const mount = { hostPath: lab.host.dir, containerPath: '/m', readOnly: true, propagation: 'private' } as const;
  const readOnly = await lab.run('touch /m/x || echo refused', { mounts: [mount] });
  expect(await lab.output(readOnly)).toContain('refused\n');
  const { ApiVersion } = await lab.host.docker.version();
  const script = 'grep -c " /m " /proc/mounts';
  const recursive = lab.run(script, { mounts: [{ ...mount, recursiveReadOnly: true }] });
  if (Number(ApiVersion.split('.')[1]) >= 44) expect(await lab.output(await recursive)).toBe('1\n');
  else await expect(recursive).rejects.toThrow(`need Docker 25 (API 1.44) or newer; this one has API ${ApiVersion}`);
});

describe('images', () => {
  test('are listed, with their user when looked up, and removed with all their names', async () => {
    const image = await lab.runtime.imageStatus('podwright-test/nobody:1', never);
    expect(image).toMatchObject({ tags: ['podwright-test/nobody:1'], user: 'app' });
    expect((await lab.runtime.imageStatus('podwright-test/busybox:1', never))?.user).toBe('');
    const id = image?.id ?? '';
    await lab.host.docker.getImage(id).tag({ repo: 'podwright-test/other', tag: 'x' });
    const listed = (await lab.runtime.listImages(never)).find((entry) => entry.id === id);
    expect([...(listed?.tags ?? [])].sort()).toEqual(['podwright-test/nobody:1', 'podwright-test/other:x']);
    await lab.runtime.removeImage(id, never);
    await lab.runtime.removeImage(id, never);
    expect(await lab.runtime.imageStatus(id, never)).toBeUndefined();
    expect((await lab.runtime.listImages(never)).map((entry) => entry.id)).not.toContain(id);
  });

  test('one that a container uses stays', async () => {
    const image = await lab.runtime.imageStatus('podwright-test/sandbox:1', never);
    await expect(lab.runtime.removeImage(image?.id ?? '', never)).rejects.toThrow(/using/);
    expect(await lab.runtime.imageStatus('podwright-test/sandbox:1', never)).toEqual(image);
  });
});

describe('security, as the kernel tells it', () => {
  /** Capability sets as bits: 0 chown, 7 setuid, 10 net_bind_service, 12 net_admin, 21 sys_admin. */
  const chown = 1n << 0n;
  const netAdmin = 1n << 12n;
  const sysAdmin = 1n << 21n;

  interface Process {
    readonly uid: string;
    readonly gid: string;
    readonly groups: readonly string[];
    readonly bounding: bigint;
    readonly seccomp: string;
    readonly noNewPrivileges: string;
    readonly rootfs: string;
    readonly masked: boolean;
  }

  const script = `cat /proc/self/status; touch /x 2>/dev/null && echo "Rootfs:	rw" || echo "Rootfs:	ro"
    [ -c /proc/timer_list ] && echo "Masked:	yes" || echo "Masked:	no"`;

  async function observe(security: Partial<ContainerSecurity>, image = 'podwright-test/busybox:1'): Promise<Process> {
    const id = await lab.run(script, { image, security: { ...plainSecurity, ...security } });
    return parse(await lab.output(id));
  }

  function parse(text: string): Process {
    const fields = new Map(text.split('\n').map((line) => line.split(':\t') as [string, string]));
    const field = (name: string): string => fields.get(name)?.trim() ?? '';
    return {
      uid: field('Uid').split('\t')[0] ?? '',
      gid: field('Gid').split('\t')[0] ?? '',
      groups: field('Groups').split(' '),
      bounding: BigInt(`0x${field('CapBnd')}`),
      seccomp: field('Seccomp'),
      noNewPrivileges: field('NoNewPrivs'),
      rootfs: field('Rootfs'),
      masked: field('Masked') === 'yes',
    };
  }

  test('nothing said: root, Docker’s capabilities, no seccomp filter', async () => {
    const process = await observe({});
    expect(process).toMatchObject({
      uid: '0',
      gid: '0',
      seccomp: '0',
      noNewPrivileges: '0',
      rootfs: 'rw',
      masked: true,
    });
    expect([process.bounding & chown, process.bounding & netAdmin]).toEqual([chown, 0n]);
  });

  test('user, groups, read-only root, no new privileges, the default seccomp filter', async () => {
    const process = await observe({
      user: '1000:3000',
      supplementalGroups: [4000, 5000],
      readOnlyRootFilesystem: true,
      noNewPrivileges: true,
      seccomp: { type: 'RuntimeDefault' },
    });
    expect(process).toMatchObject({ uid: '1000', gid: '3000', seccomp: '2', noNewPrivileges: '1', rootfs: 'ro' });
    expect(process.groups).toEqual(expect.arrayContaining(['3000', '4000', '5000']));
  });

  test.each<[string, Partial<ContainerSecurity>, bigint]>([
    ['dropped and added', { capabilitiesToDrop: ['ALL'], capabilitiesToAdd: ['NET_ADMIN'] }, netAdmin],
    ['all dropped', { capabilitiesToDrop: ['ALL'] }, 0n],
  ])('capabilities: %s', async (_, security, bounding) => {
    expect((await observe(security)).bounding).toBe(bounding);
  });

  test('capabilities: one of the default dropped', async () => {
    const [plain, process] = [await observe({}), await observe({ capabilitiesToDrop: ['CHOWN'] })];
    expect(process.bounding).toBe(plain.bounding & ~chown);
  });

  test('privileged', async ({ skip }) => {
    const own = BigInt(`0x${/^CapBnd:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
    const last = BigInt(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
    if (own !== (2n << last) - 1n) skip('this machine lacks a capability, so that no container can have all of them');
    const process = await observe({ privileged: true });
    expect(process).toMatchObject({ seccomp: '0', masked: false });
    expect(process.bounding & (netAdmin | sysAdmin)).toBe(netAdmin | sysAdmin);
  });

  test('a seccomp profile of the node', async () => {
    const profile = JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
    });
    const security = { ...plainSecurity, seccomp: { type: 'Localhost', profile } as const };
    const id = await lab.run('mkdir /tmp/a || echo refused', { security });
    expect(await lab.output(id)).toContain('refused\n');
  });

  test('unmasked', async () => {
    expect((await observe({ maskedPaths: [], readonlyPaths: [] })).masked).toBe(false);
  });

  test('the sandbox: its user, its filter, its sysctls', async () => {
    const [sandbox] = (await lab.runtime.podStatus('runtime-test', never)).sandboxes;
    const status = readFileSync(`/proc/${String(await pidOf(sandbox?.id ?? ''))}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t1234\t/m);
    expect(status).toMatch(/^Gid:\t2345\t/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    const id = await lab.run('cat /proc/sys/kernel/shm_rmid_forced');
    expect(await lab.output(id)).toBe('1\n');
  });
});

test('an environment of more than a megabyte reaches the process', async () => {
  const env = Array.from({ length: 12 }, (_, index) => `LONG_${index}=${'x'.repeat(100_000)}`);
  const id = await lab.run('env | grep ^LONG_ | wc -c', { env });
  const bytes = env.reduce((sum, variable) => sum + `${variable}\n`.length, 0);
  expect(await lab.output(id)).toBe(`${bytes}\n`);
});

test('the stop signal of the pod goes before the image’s', async () => {
  const script = 'trap "echo USR1; exit 0" USR1; echo ready; while true; do sleep 0.05; done';
  const id = await lab.run(script, { stopSignal: 'SIGUSR1' });
  const stdout = new Collector();
  const done = lab.runtime.containerLogs(id, { ...all, follow: true }, { stdout, stderr: stdout }, never);
  await stdout.until('ready');
  await lab.runtime.stopContainer(id, 10, never);
  await done;
  expect(stdout.text).toBe('ready\nUSR1\n');
});

async function pidOf(id: string): Promise<number> {
  return (await lab.host.docker.getContainer(id).inspect()).State.Pid;
}

/** The limits of a process's cgroups (v1, as on the test machines). */
function cgroupFiles(pid: number): () => Record<string, number | string> {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const read = (controller: string, file: string): string => {
    const path = lines.map((line) => line.split(':')).find(([, names]) => names?.split(',').includes(controller))?.[2];
    return readFileSync(`/sys/fs/cgroup/${controller}${path ?? ''}/${file}`, 'utf8').trim();
  };
  return () => {
    const pids = read('pids', 'pids.max');
    return {
      quota: Number(read('cpu', 'cpu.cfs_quota_us')),
      shares: Number(read('cpu', 'cpu.shares')),
      memory: Number(read('memory', 'memory.limit_in_bytes')),
      pids: pids === 'max' ? pids : Number(pids),
    };
  };
}
