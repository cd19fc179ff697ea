import { mkdirSync, readdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createHost,
  isReady,
  startRegistry,
  until,
  type DaemonHandle,
  type PodReport,
  type TestHost,
} from '../lab/index.ts';
import { httpGet, image, podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;

beforeAll(async () => {
  host = await createHost();
  daemon = host.startDaemon();
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
});

afterEach(async () => {
  for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
  await until('all pods to be gone', 40_000, async () => (await host.leaks()).length === 0, {
    intervalMs: 100,
    explain: () => JSON.stringify(daemon.log().slice(-20), undefined, 1),
  });
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
});

const statusOf = ({ pod }: PodReport, name: string) => pod.status?.containerStatuses?.find((s) => s.name === name);
const waitingReason = (report: PodReport, name: string): string | undefined =>
  statusOf(report, name)?.state?.waiting?.reason;

async function events(name: string): Promise<string[]> {
  const { stdout } = await host.podwright(['status', name, '--socket', host.podwrightSocket]);
  return stdout.split('\n').slice(stdout.split('\n').indexOf('Events:') + 2);
}

describe('a pod', () => {
  it('runs its containers in one network and IPC namespace, with names, labels and log links as the kubelet’s', async () => {
    host.drop(
      'two.yaml',
      podManifest('two', [
        sleeper('a'),
        shell('b', 'echo to-the-log; echo err >&2; trap "exit 0" TERM; sleep 1000 & wait'),
      ]),
    );
    const { pod } = await host.waitForPod('two', isReady);
    const [name, uid] = [pod.metadata.name, pod.metadata.uid];
    expect(name).toBe(`two-${host.name}`);
    const containers = await host.containers();
    expect(containers.map(({ Names }) => Names[0]).sort()).toEqual([
      `/k8s_POD_${name}_default_${uid}_0`,
      `/k8s_a_${name}_default_${uid}_0`,
      `/k8s_b_${name}_default_${uid}_0`,
    ]);
    const a = containers.find(({ Labels }) => Labels['io.kubernetes.container.name'] === 'a');
    expect(a?.Labels).toMatchObject({
      'io.kubernetes.pod.name': name,
      'io.kubernetes.pod.namespace': 'default',
      'io.kubernetes.pod.uid': uid,
      'io.kubernetes.docker.type': 'container',
    });
    const namespaces = await Promise.all(containers.map(({ Id }) => namespacesOf(Id)));
    expect(new Set(namespaces.map(({ net }) => net)).size).toBe(1);
    expect(new Set(namespaces.map(({ ipc }) => ipc)).size).toBe(1);
    expect(new Set(namespaces.map(({ pid }) => pid)).size).toBe(3);
    const log = join(host.podLogsDir, `default_${name}_${uid}`, 'b', '0.log');
    await until('the log', 5_000, () => readFileSync(log, 'utf8').includes('to-the-log'));
    const [link = ''] = readdirSync(host.containerLogsDir).filter((file) => file.startsWith(`${name}_default_b-`));
    expect(realpathSync(join(host.containerLogsDir, link))).toBe(realpathSync(log));
    const cgroup = await cgroupOf(a?.Id ?? '');
    expect(cgroup).toContain(`${host.cgroup}/kubepods/besteffort/pod${uid}/`);
  });

  it('answers on its IP and on a host port, and its containers reach each other over localhost', async () => {
    const serve = 'mkdir /www; echo hello > /www/index.html; exec httpd -f -p 80 -h /www';
    host.drop(
      'web.yaml',
      podManifest('web', [
        shell('web', serve, { ports: [{ containerPort: 80, hostPort: 8080 }] }),
        shell(
          'ask',
          `until printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 127.0.0.1 80 | grep hello; do sleep 0.1; done; grep -q . /proc/net/if_inet6 || echo IPv4 only; trap "exit 0" TERM; sleep 1000 & wait`,
        ),
      ]),
    );
    const { pod } = await host.waitForPod('web', isReady);
    const ports = [`${pod.status?.podIP ?? ''} 80`, '127.0.0.1 8080', `${host.address} 8080`];
    for (const port of ports) await until(port, 5_000, async () => (await httpGet(host, port)).includes('hello'));
    const log = join(host.podLogsDir, `default_${pod.metadata.name}_${pod.metadata.uid}`, 'ask', '0.log');
    await until('the answer over localhost', 5_000, () => readFileSync(log, 'utf8').includes('hello'));
    await until('a pod without IPv6 addresses', 5_000, () => readFileSync(log, 'utf8').includes('IPv4 only'));
  });

  it('gets command, args, variables, working directory, mounts and resources as its manifest says', async () => {
    const data = join(host.dir, 'data');
    mkdirSync(data, { recursive: true });
    const container = {
      name: 'app',
      image,
      command: ['sh', '-c'],
      args: [
        `echo "$(GREETING) $0 $PWD" '$(UNKNOWN) $$(GREETING)' > /data/out; echo kept > /scratch/file; trap "exit 0" TERM; sleep 1000 & wait`,
      ],
      workingDir: '/tmp',
      env: [
        { name: 'NAME', value: 'world' },
        { name: 'GREETING', value: 'hello $(NAME)' },
      ],
      volumeMounts: [
        { name: 'data', mountPath: '/data' },
        { name: 'scratch', mountPath: '/scratch' },
      ],
      resources: { requests: { cpu: '100m' }, limits: { cpu: '500m', memory: '64Mi' } },
    };
    const volumes = [
      { name: 'data', hostPath: { path: data, type: 'Directory' } },
      { name: 'scratch', emptyDir: {} },
    ];
    host.drop('app.yaml', podManifest('app', [container], { volumes }));
    const { pod } = await host.waitForPod('app', isReady);
    const out = await until('the file', 5_000, () => readFileSync(join(data, 'out'), 'utf8'));
    expect(out).toBe('hello world sh /tmp $(UNKNOWN) $(GREETING)\n');
    const scratch = join(
      host.rootDir,
      'pods',
      pod.metadata.uid,
      'volumes',
      'kubernetes.io~empty-dir',
      'scratch',
      'file',
    );
    expect(readFileSync(scratch, 'utf8')).toBe('kept\n');
    expect(pod.status?.qosClass).toBe('Burstable');
    const [found] = (await host.containers()).filter(({ Labels }) => Labels['io.kubernetes.container.name'] === 'app');
    const { HostConfig } = await host.docker.getContainer(found?.Id ?? '').inspect();
    expect(HostConfig).toMatchObject({
      CpuShares: 102,
      CpuQuota: 50_000,
      CpuPeriod: 100_000,
      Memory: 64 * 1024 * 1024,
    });
  });

  it('on the host network has the node’s address and no other', async () => {
    host.drop('hostnet.yaml', podManifest('hostnet', [sleeper('app')], { hostNetwork: true, hostPID: true }));
    const { pod } = await host.waitForPod('hostnet', isReady);
    expect(pod.status?.podIP).toBe(host.address);
    expect(readdirSync(join(host.cniCacheDir, 'results')).length).toBe(0);
  });

  it('shares its PID namespace where it asks to; pause reaps and is PID 1', async () => {
    host.drop('shared.yaml', podManifest('shared', [sleeper('a'), sleeper('b')], { shareProcessNamespace: true }));
    await host.waitForPod('shared', isReady);
    const namespaces = await Promise.all((await host.containers()).map(({ Id }) => namespacesOf(Id)));
    expect(new Set(namespaces.map(({ pid }) => pid)).size).toBe(1);
  });
});

describe('the manifest directory', () => {
  it('replaces a pod whose file is edited, and ends one whose file is removed', async () => {
    host.drop('edit.yaml', podManifest('edit', [sleeper('a')]));
    const first = await host.waitForPod('edit', isReady);
    host.drop('edit.yaml', podManifest('edit', [sleeper('a', { env: [{ name: 'X', value: '1' }] })]));
    const second = await host.waitForPod(
      'edit',
      (report) => isReady(report) && report.pod.metadata.uid !== first.pod.metadata.uid,
    );
    expect(second.pod.metadata.name).toBe(first.pod.metadata.name);
    host.removeManifest('edit.yaml');
    await host.waitForNoPod('edit');
  });

  it('replaces a pod with a UID of its own whose content is edited', async () => {
    const manifest = (value: string): object => ({
      ...podManifest('fixed', [sleeper('a', { env: [{ name: 'X', value }] })]),
      metadata: { name: 'fixed', uid: '11111111-2222-3333-4444-555555555555' },
    });
    host.drop('fixed.yaml', manifest('1'));
    await host.waitForPod('fixed', isReady);
    const [before] = await envOf('a');
    host.drop('fixed.yaml', manifest('2'));
    await until('the new content', 20_000, async () => (await envOf('a')).includes('X=2'), { intervalMs: 100 });
    expect(before).toBe('X=1');
    await host.waitForPod('fixed', isReady);
  });

  it('keeps the last good pod of a file that turns invalid, and says file, line and field', async () => {
    host.drop('bad.yaml', podManifest('bad', [sleeper('a')]));
    const { pod } = await host.waitForPod('bad', isReady);
    const broken = [
      'apiVersion: v1',
      'kind: Pod',
      'metadata:',
      '  name: bad',
      'spec:',
      '  containers:',
      '  - name: "a b"',
      `    image: ${image}`,
    ];
    host.drop('bad.yaml', broken.join('\n'));
    await until('the problem', 10_000, async () => {
      const { problems } = await host.status();
      return problems.find(
        ({ line, path, severity }) => severity === 'error' && line === 7 && path === 'spec.containers[0].name',
      );
    });
    const report = await host.waitForPod('bad', isReady);
    expect(report.pod.metadata.uid).toBe(pod.metadata.uid);
    expect(statusOf(report, 'a')?.restartCount).toBe(0);
    const { stdout } = await host.podwright(['status', '--socket', host.podwrightSocket]);
    expect(stdout).toMatch(/bad\.yaml:7: error: spec\.containers\[0\]\.name: Invalid value: "a b"/);
  });

  it('gives a name to the first of two files; the second is an error that names both', async () => {
    host.drop('one.yaml', podManifest('claim', [sleeper('a')]));
    await host.waitForPod('claim', isReady);
    host.drop('two.yaml', podManifest('claim', [sleeper('b')]));
    const problem = await until('the problem', 10_000, async () => (await host.status()).problems[0]);
    expect(`${problem.origin} ${problem.message}`).toMatch(/two\.yaml.*one\.yaml/);
    host.removeManifest('one.yaml');
    await host.waitForPod('claim', (report) => isReady(report) && statusOf(report, 'b') !== undefined);
  });

  it('takes no harm from broken files, unknown kinds and editors', async () => {
    host.drop('good.yaml', podManifest('good', [sleeper('a')]));
    writeFileSync(join(host.manifestDir, 'broken.yaml'), 'kind: [');
    writeFileSync(join(host.manifestDir, '.hidden.yaml'), 'kind: [');
    writeFileSync(join(host.manifestDir, 'good.yaml~'), 'kind: [');
    host.drop('deployment.yaml', { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } });
    await host.waitForPod('good', isReady);
    await until('the problems', 10_000, async () => {
      const origins = (await host.status()).problems.map(({ origin }) => origin.split('/').pop()).sort();
      return JSON.stringify(origins) === JSON.stringify(['broken.yaml', 'deployment.yaml']);
    });
  });
});

describe('containers that end', () => {
  it('are restarted at once, then behind a back-off that the status shows', async () => {
    host.drop('crash.yaml', podManifest('crash', [shell('a', 'exit 7')]));
    const report = await host.waitForPod('crash', (r) => waitingReason(r, 'a') === 'CrashLoopBackOff');
    const status = statusOf(report, 'a');
    expect(status?.restartCount).toBe(1);
    expect(status?.lastState?.terminated).toMatchObject({ exitCode: 7, reason: 'Error' });
    expect(status?.state?.waiting?.message).toMatch(/^back-off 10s restarting failed container=a pod=crash-/);
    expect(report.pod.status?.phase).toBe('Running');
    expect((await events('crash')).join('\n')).toMatch(
      /Warning\s+BackOff\s+\S+\s+Back-off restarting failed container a in pod crash-/,
    );
  });

  it('are acted on by the event, not by a poll', async () => {
    host.drop('kill.yaml', podManifest('kill', [sleeper('a')]));
    await host.waitForPod('kill', isReady);
    const [container] = (await host.containers()).filter(
      ({ Labels }) => Labels['io.kubernetes.container.name'] === 'a',
    );
    await host.docker.getContainer(container?.Id ?? '').kill();
    const report = await host.waitForPod('kill', (r) => isReady(r) && statusOf(r, 'a')?.restartCount === 1, 5_000);
    expect(statusOf(report, 'a')?.lastState?.terminated?.exitCode).toBe(137);
  });

  it('end the pod where the policy says so: Succeeded and Failed', async () => {
    host.drop('ok.yaml', podManifest('ok', [shell('a', 'exit 0')], { restartPolicy: 'Never' }));
    host.drop('fail.yaml', podManifest('fail', [shell('a', 'exit 3')], { restartPolicy: 'Never' }));
    host.drop('once.yaml', podManifest('once', [shell('a', 'exit 0')], { restartPolicy: 'OnFailure' }));
    await host.waitForPod('ok', ({ pod }) => pod.status?.phase === 'Succeeded');
    await host.waitForPod('fail', ({ pod }) => pod.status?.phase === 'Failed');
    const { pod } = await host.waitForPod('once', (r) => r.pod.status?.phase === 'Succeeded');
    expect(pod.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    });
    await until('the sandboxes to go', 10_000, async () => (await host.footprint()).links.length === 0);
    expect((await host.containers()).length).toBe(3);
  });

  it('come back in a new sandbox when the sandbox dies, with a new attempt', async () => {
    host.drop('sandbox.yaml', podManifest('sandbox', [sleeper('a')]));
    await host.waitForPod('sandbox', isReady);
    const [pause] = (await host.containers()).filter(
      ({ Labels }) => Labels['io.kubernetes.docker.type'] === 'podsandbox',
    );
    await host.docker.getContainer(pause?.Id ?? '').remove({ force: true });
    await host.waitForPod('sandbox', (r) => isReady(r) && statusOf(r, 'a')?.restartCount === 1, 20_000);
    expect((await host.footprint()).links.length).toBe(1);
    await until(
      'the lease of the lost sandbox to be reclaimed',
      30_000,
      async () => (await host.footprint()).leases.length === 2,
    );
  });
});

describe('images', () => {
  it('that do not exist give ErrImagePull, then ImagePullBackOff, with events', async () => {
    host.drop('noimage.yaml', podManifest('noimage', [{ name: 'a', image: '127.0.0.1:5999/none:1' }, sleeper('b')]));
    await host.waitForPod(
      'noimage',
      (r) => waitingReason(r, 'a') === 'ErrImagePull' || waitingReason(r, 'a') === 'ImagePullBackOff',
    );
    const report = await host.waitForPod('noimage', (r) => statusOf(r, 'b')?.ready === true);
    expect(report.lastError?.message).toMatch(/^container a: /);
    await host.waitForPod('noimage', (r) => waitingReason(r, 'a') === 'ImagePullBackOff', 30_000);
    const text = (await events('noimage')).join('\n');
    expect(text).toMatch(/Warning\s+Failed\s+.*Failed to pull image "127.0.0.1:5999\/none:1"/);
    expect(text).toMatch(/Normal\s+BackOff\s+.*Back-off pulling image "127.0.0.1:5999\/none:1"/);
  });

  it('with policy Never that are absent, and with a name that is none, say so', async () => {
    host.drop(
      'never.yaml',
      podManifest('never', [{ name: 'a', image: 'podwright-test/absent:1', imagePullPolicy: 'Never' }]),
    );
    await host.waitForPod('never', (r) => waitingReason(r, 'a') === 'ErrImageNeverPull');
  });

  it('are pulled from a registry', async () => {
    const registry = await startRegistry(host);
    registry.add({ name: 'team/app:1', config: { Cmd: ['sleep', '100000'] } });
    host.drop(
      'pulled.yaml',
      podManifest('pulled', [{ name: 'a', image: `${registry.endpoint}/team/app:1`, imagePullPolicy: 'Always' }]),
    );
    await host.waitForPod('pulled', isReady);
    expect((await events('pulled')).join('\n')).toMatch(/Successfully pulled image "127.0.0.1:5000\/team\/app:1"/);
    registry.stop();
  });

  it('of the sandbox: the built-in one where the configured one cannot be had', async () => {
    host.drop('pause.yaml', podManifest('pause', [sleeper('a')]));
    await host.waitForPod('pause', isReady);
    const [pause] = (await host.containers()).filter(
      ({ Labels }) => Labels['io.kubernetes.docker.type'] === 'podsandbox',
    );
    expect(pause?.Image).toBe('podwright/pause:1.0');
  });
});

interface Namespaces {
  readonly net: string;
  readonly ipc: string;
  readonly pid: string;
}

async function namespacesOf(id: string): Promise<Namespaces> {
  const { State } = await host.docker.getContainer(id).inspect();
  const read = (kind: string): string => readlinkSync(`/proc/${State.Pid}/ns/${kind}`);
  return { net: read('net'), ipc: read('ipc'), pid: read('pid') };
}

async function cgroupOf(id: string): Promise<string> {
  const { State } = await host.docker.getContainer(id).inspect();
  return readFileSync(`/proc/${State.Pid}/cgroup`, 'utf8');
}

async function envOf(container: string): Promise<string[]> {
  const found = (await host.containers()).filter(
    ({ Labels, State }) => Labels['io.kubernetes.container.name'] === container && State === 'running',
  );
  const inspections = await Promise.all(found.map(({ Id }) => host.docker.getContainer(Id).inspect()));
  return inspections.flatMap(({ Config }) => Config.Env.filter((entry) => entry.startsWith('X=')));
}
