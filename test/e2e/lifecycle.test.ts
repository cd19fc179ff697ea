import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type PodReport, type TestHost } from '../lab/index.ts';
import { podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;

beforeAll(async () => {
  host = await createHost();
  daemon = host.startDaemon();
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
});

afterEach(async () => {
  for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
  await until('all pods to be gone', 60_000, async () => (await host.leaks()).length === 0, {
    intervalMs: 100,
    explain: () => JSON.stringify(daemon.log().slice(-20), undefined, 1),
  });
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
});

/** Every container writes what happens to it into a file that all of the pod share. */
const diary = { name: 'diary', emptyDir: {} };
const inDiary = { volumeMounts: [{ name: 'diary', mountPath: '/diary' }] };
const note = (text: string): string => `echo "${text}" >> /diary/log`;
/** Notes its end, and takes a moment for it. */
const noting = (name: string, before = ''): string =>
  `${before}${note(`${name} starts`)}; trap '${note(`${name} ends`)}; exit 0' TERM; sleep 100000 & wait`;

function phase({ pod }: PodReport): string | undefined {
  return pod.status?.phase;
}

const all = ({ pod }: PodReport) => [
  ...(pod.status?.initContainerStatuses ?? []),
  ...(pod.status?.containerStatuses ?? []),
];
const statusOf = (report: PodReport, name: string) => all(report).find((status) => status.name === name);
const condition = ({ pod }: PodReport, type: string) => pod.status?.conditions?.find((one) => one.type === type);

async function events(name: string): Promise<string> {
  const { stdout } = await host.podwright(['status', name, '--socket', host.podwrightSocket]);
  return stdout.slice(stdout.indexOf('Events:'));
}

/** Lines of the pod's diary, read through its directory on the host. */
async function linesOf(report: PodReport): Promise<string[]> {
  const path = `${host.rootDir}/pods/${report.pod.metadata.uid}/volumes/kubernetes.io~empty-dir/diary/log`;
  return (await host.exec('cat', [path])).stdout.split('\n').filter((line) => line !== '');
}

describe('init containers', () => {
  it('run one after the other, and before the app', async () => {
    host.drop(
      'order.yaml',
      podManifest('order', [shell('app', noting('app'), inDiary)], {
        volumes: [diary],
        initContainers: [
          shell('first', `sleep 1; ${note('first')}`, inDiary),
          shell('second', note('second'), inDiary),
        ],
      }),
    );
    const waiting = await host.waitForPod('order', (report) => statusOf(report, 'first')?.state?.running !== undefined);
    expect(statusOf(waiting, 'app')?.state?.waiting?.reason).toBe('PodInitializing');
    expect(condition(waiting, 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [first second]',
    });
    expect(phase(waiting)).toBe('Pending');
    const ready = await host.waitForPod('order', isReady);
    expect(await linesOf(ready)).toEqual(['first', 'second', 'app starts']);
    expect(condition(ready, 'Initialized')?.status).toBe('True');
    expect(statusOf(ready, 'first')).toMatchObject({ ready: true, state: { terminated: { reason: 'Completed' } } });
  });

  it('that fail are tried again behind a back-off; with Never the pod fails', async () => {
    host.drop('retry.yaml', podManifest('retry', [sleeper('app')], { initContainers: [shell('init', 'exit 3')] }));
    host.drop(
      'never.yaml',
      podManifest('never', [sleeper('app')], { restartPolicy: 'Never', initContainers: [shell('init', 'exit 3')] }),
    );
    const failed = await host.waitForPod('never', (report) => phase(report) === 'Failed');
    expect(statusOf(failed, 'app')?.state?.waiting?.reason).toBe('PodInitializing');
    const retried = await host.waitForPod(
      'retry',
      (report) => statusOf(report, 'init')?.state?.waiting?.reason === 'CrashLoopBackOff',
    );
    expect(statusOf(retried, 'init')?.lastState?.terminated?.exitCode).toBe(3);
    expect(phase(retried)).toBe('Pending');
  });
});

describe('sidecars', () => {
  it('start in order behind their startup probes, restart on their own, and end last in reverse order', async () => {
    const sidecar = (name: string): object =>
      shell(name, noting(name, `sleep 1; touch /tmp/up; `), {
        ...inDiary,
        restartPolicy: 'Always',
        startupProbe: { exec: { command: ['cat', '/tmp/up'] }, periodSeconds: 1, failureThreshold: 30 },
      });
    host.drop(
      'side.yaml',
      podManifest('side', [shell('app', noting('app', ''), inDiary)], {
        terminationGracePeriodSeconds: 20,
        volumes: [{ name: 'diary', hostPath: { path: `${host.dir}/diary-side`, type: 'DirectoryOrCreate' } }],
        initContainers: [sidecar('one'), sidecar('two')],
      }),
    );
    const lines = async (): Promise<string[]> =>
      (await host.exec('cat', [`${host.dir}/diary-side/log`])).stdout.trim().split('\n');
    const ready = await host.waitForPod('side', isReady, 40_000);
    expect(await lines()).toEqual(['one starts', 'two starts', 'app starts']);
    expect(statusOf(ready, 'one')).toMatchObject({ started: true, ready: true, restartCount: 0 });

    const id = statusOf(ready, 'one')?.containerID?.slice('docker://'.length) ?? '';
    await host.docker.getContainer(id).kill({ signal: 'SIGKILL' });
    const again = await host.waitForPod(
      'side',
      (report) => isReady(report) && statusOf(report, 'one')?.restartCount === 1,
      40_000,
    );
    expect(statusOf(again, 'app')?.restartCount).toBe(0);
    host.removeManifest('side.yaml');
    await until('the pod to be gone', 30_000, async () => (await host.leaks()).length === 0);
    expect((await lines()).slice(-3)).toEqual(['app ends', 'two ends', 'one ends']);
  });

  it('do not keep a pod alive that is done', async () => {
    host.drop(
      'job.yaml',
      podManifest('job', [shell('work', 'sleep 1')], {
        restartPolicy: 'Never',
        initContainers: [sleeper('side', { restartPolicy: 'Always' })],
      }),
    );
    const done = await host.waitForPod('job', (report) => phase(report) === 'Succeeded');
    expect(statusOf(done, 'side')?.state?.terminated).toBeDefined();
    expect(condition(done, 'Ready')).toMatchObject({ status: 'False', reason: 'PodCompleted' });
  });
});

describe('hooks', () => {
  it('postStart runs before the container counts as running; one that fails kills it', async () => {
    host.drop(
      'hooks.yaml',
      podManifest(
        'hooks',
        [
          shell('good', noting('good'), {
            ...inDiary,
            lifecycle: { postStart: { exec: { command: ['sh', '-c', `sleep 1; ${note('hook')}`] } } },
          }),
        ],
        { volumes: [diary] },
      ),
    );
    host.drop(
      'bad-hook.yaml',
      podManifest('bad-hook', [
        sleeper('bad', { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo no; exit 4'] } } } }),
      ]),
    );
    const ready = await host.waitForPod('hooks', isReady);
    expect(await linesOf(ready)).toEqual(['good starts', 'hook']);
    const bad = await host.waitForPod('bad-hook', (report) => (statusOf(report, 'bad')?.restartCount ?? 0) > 0, 40_000);
    expect(statusOf(bad, 'bad')?.ready).toBe(false);
    expect(await events('bad-hook')).toContain('FailedPostStartHook');
  });

  it('preStop runs before the stop signal, within the grace period', async () => {
    const directory = `${host.dir}/diary-stop`;
    const volumes = [{ name: 'diary', hostPath: { path: directory, type: 'DirectoryOrCreate' } }];
    host.drop(
      'stop.yaml',
      podManifest(
        'stop',
        [
          shell('polite', noting('polite'), {
            ...inDiary,
            lifecycle: { preStop: { exec: { command: ['sh', '-c', `sleep 1; ${note('preStop')}`] } } },
          }),
          shell('quit', `trap '${note('quit got QUIT')}; exit 0' QUIT; sleep 100000 & wait`, {
            ...inDiary,
            lifecycle: { preStop: { sleep: { seconds: 2 } }, stopSignal: 'SIGQUIT' },
          }),
        ],
        { volumes, terminationGracePeriodSeconds: 10, os: { name: 'linux' } },
      ),
    );
    await host.waitForPod('stop', isReady);
    host.removeManifest('stop.yaml');
    await until('the pod to be gone', 30_000, async () => (await host.leaks()).length === 0);
    const log = (await host.exec('cat', [`${directory}/log`])).stdout.trim().split('\n');
    expect(log).toEqual(['polite starts', 'preStop', 'polite ends', 'quit got QUIT']);
  });

  it('ask a server on the address of the pod or, on the host network, of the node', async () => {
    const volumes = [{ name: 'diary', hostPath: { path: `${host.dir}/diary-ask`, type: 'DirectoryOrCreate' } }];
    /** Notes who asks for what. */
    const server = (name: string, port: number): string =>
      [
        'mkdir -p /tmp/cgi-bin',
        `printf '#!/bin/sh\\necho ${name} $REQUEST_METHOD $QUERY_STRING $HTTP_X_HOOK >> /diary/log\\necho; echo\\n' > /tmp/cgi-bin/note`,
        'chmod +x /tmp/cgi-bin/note',
        `trap "exit 0" TERM; httpd -f -p ${port} -h /tmp & wait`,
      ].join('; ');
    const asked = (name: string, port: number): object =>
      shell(name, server(name, port), {
        ...inDiary,
        ports: [{ name: 'hook', containerPort: port }],
        readinessProbe: { tcpSocket: { port: 'hook' }, periodSeconds: 1 },
        lifecycle: {
          preStop: {
            httpGet: { port: 'hook', path: '/cgi-bin/note?bye', httpHeaders: [{ name: 'X-Hook', value: 'header' }] },
          },
        },
      });
    host.drop('ask.yaml', podManifest('ask', [asked('own', 8080)], { volumes }));
    host.drop('ask-node.yaml', podManifest('ask-node', [asked('node', 18_080)], { volumes, hostNetwork: true }));
    const dials = { preStop: { tcpSocket: { port: 1 } } };
    host.drop('refused.yaml', podManifest('refused', [sleeper('app', { lifecycle: dials })]));
    for (const name of ['ask', 'ask-node', 'refused']) await host.waitForPod(name, isReady);
    for (const name of ['ask', 'ask-node', 'refused']) host.removeManifest(`${name}.yaml`);
    await until('the pods to be gone', 30_000, async () => (await host.leaks()).length === 0);
    const log = (await host.exec('cat', [`${host.dir}/diary-ask/log`])).stdout.trim().split('\n');
    expect(log.sort()).toEqual(['node GET bye header', 'own GET bye header']);
    const failed = daemon.log().filter(({ msg }) => msg === 'preStop failed');
    expect(failed.map(({ container }) => container)).toEqual(['app']);
    expect(JSON.stringify(failed[0]?.['err'])).toContain('ECONNREFUSED');
  });

  it('preStop runs too when the manifest went while the daemon was away', async () => {
    const directory = `${host.dir}/diary-away`;
    host.drop(
      'away.yaml',
      podManifest(
        'away',
        [
          shell('a', noting('a'), {
            ...inDiary,
            lifecycle: { preStop: { exec: { command: ['sh', '-c', note('preStop')] } } },
          }),
        ],
        { volumes: [{ name: 'diary', hostPath: { path: directory, type: 'DirectoryOrCreate' } }] },
      ),
    );
    await host.waitForPod('away', isReady);
    await daemon.kill9();
    host.removeManifest('away.yaml');
    daemon = host.startDaemon();
    await until('the pod to be gone', 30_000, async () => (await host.leaks()).length === 0);
    const log = (await host.exec('cat', [`${directory}/log`])).stdout.trim().split('\n');
    expect(log).toEqual(['a starts', 'preStop', 'a ends']);
  });
});

describe('ephemeral containers', () => {
  it('join a pod that runs, see the processes of their target, run once, and do not count', async () => {
    const debug = shell('debug', 'cat /proc/1/cmdline | tr "\\0" " "; exit 3', { targetContainerName: 'app' });
    const app = shell('app', 'echo app; trap "exit 0" TERM; sleep 54321 & wait');
    host.drop('debug.yaml', podManifest('debug', [app], { ephemeralContainers: [debug] }));
    const report = await host.waitForPod(
      'debug',
      ({ pod }) => pod.status?.ephemeralContainerStatuses?.[0]?.state?.terminated !== undefined,
    );
    expect(report.pod.status?.ephemeralContainerStatuses?.[0]).toMatchObject({
      restartCount: 0,
      state: { terminated: { exitCode: 3 } },
    });
    expect(isReady(report)).toBe(true);
    const log = await host.podwright(['logs', 'debug', '-c', 'debug', '--socket', host.podwrightSocket]);
    expect(log.stdout).toContain('sleep 54321');
  });
});

describe('the end of a pod', () => {
  it('comes when its deadline is over', async () => {
    host.drop('late.yaml', podManifest('late', [sleeper('app')], { activeDeadlineSeconds: 3 }));
    const failed = await host.waitForPod('late', (report) => phase(report) === 'Failed');
    expect(failed.pod.status).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
    expect(statusOf(failed, 'app')?.state?.terminated).toBeDefined();
  });

  it('leaves the last words of its containers: their file, or the end of their log', async () => {
    const policy = { terminationMessagePolicy: 'FallbackToLogsOnError' };
    host.drop(
      'words.yaml',
      podManifest(
        'words',
        [
          shell('file', 'echo -n from the file > /dev/termination-log; exit 1'),
          shell('own', 'echo -n own > /tmp/words; exit 0', { terminationMessagePath: '/tmp/words' }),
          shell('log', 'echo from the log; exit 1', policy),
          shell('good', 'echo from the log; exit 0', policy),
        ],
        { restartPolicy: 'Never' },
      ),
    );
    const done = await host.waitForPod('words', (report) => phase(report) === 'Failed');
    const messages = all(done).map(({ name, state }) => [name, state?.terminated?.message]);
    expect(messages).toEqual([
      ['file', 'from the file'],
      ['good', undefined],
      ['log', 'from the log\n'],
      ['own', 'own'],
    ]);
  });

  it('is final: a daemon that starts anew does not run it again, also when its containers are gone', async () => {
    host.drop('once.yaml', podManifest('once', [shell('app', 'exit 0')], { restartPolicy: 'Never' }));
    const done = await host.waitForPod('once', (report) => phase(report) === 'Succeeded');
    await daemon.stop();
    for (const { Id } of await host.containers()) {
      // A removal that the daemon asked for may still be under way.
      await host.docker
        .getContainer(Id)
        .remove({ force: true })
        .catch((error: unknown) => expect([404, 409]).toContain((error as { statusCode?: number }).statusCode));
    }
    daemon = host.startDaemon();
    await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
    const after = await host.waitForPod('once', (report) => phase(report) === 'Succeeded');
    expect(after.pod.status?.containerStatuses).toEqual(done.pod.status?.containerStatuses);
    expect(await host.containers()).toEqual([]);
  });
});
