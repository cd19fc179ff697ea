import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type PodReport, type TestHost } from '../lab/index.ts';
import { conditionOf, eventsOf, inside, pidOf, statusOf } from './inside.ts';
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
  await until('all pods to be gone', 60_000, async () => (await host.leaks()).length === 0, { intervalMs: 100 });
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
});

const sleeps = 'trap "exit 0" TERM; sleep 100000 & wait';
/** A probe by a command, each second. */
const command = (script: string, extra: object = {}): object => ({
  exec: { command: ['sh', '-c', script] },
  periodSeconds: 1,
  ...extra,
});

function drop(name: string, containers: readonly object[], spec: object = {}): void {
  host.drop(`${name}.yaml`, podManifest(name, containers, spec));
}

const isRunning = (container: string) => (report: PodReport) =>
  statusOf(report, container)?.state?.running !== undefined;
const restarted = (container: string) => (report: PodReport) => (statusOf(report, container)?.restartCount ?? 0) > 0;

/** Reasons and messages of the events about one container. */
async function told(pod: string, fieldPath: string): Promise<readonly (readonly [reason: string, message: string])[]> {
  const events = await eventsOf(host, pod);
  return events
    .filter(({ involvedObject }) => involvedObject.fieldPath === fieldPath)
    .map(({ reason, message }) => [reason, message] as const);
}

describe('a readiness probe', () => {
  /** Answers by a file, and writes down what it was asked. */
  const server = [
    'mkdir -p /tmp/www/cgi-bin',
    `printf '#!/bin/sh\\nenv > /tmp/asked\\n[ -e /tmp/ready ] && echo "Status: 200 OK" || echo "Status: 503 Busy"\\necho; echo answer\\n' > /tmp/www/cgi-bin/health`,
    'chmod +x /tmp/www/cgi-bin/health',
    'exec httpd -f -p 8080 -h /tmp/www',
  ].join('; ');

  it('makes a pod ready, unready and ready again, and restarts nothing', async () => {
    const httpGet = { path: '/cgi-bin/health?x=1', port: 'web', httpHeaders: [{ name: 'X-Probe', value: 'asks' }] };
    const container = shell('app', server, {
      ports: [{ name: 'web', containerPort: 8080 }],
      readinessProbe: { httpGet, periodSeconds: 1, failureThreshold: 2 },
    });
    drop('web', [container, sleeper('other')]);
    const unready = { status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [app]' };
    const isUnready = (report: PodReport): boolean => isRunning('app')(report) && !isReady(report);

    const begin = await host.waitForPod('web', isUnready);
    expect(conditionOf(begin, 'ContainersReady')).toEqual(unready);
    expect(conditionOf(begin, 'Ready')).toEqual(unready);
    expect(statusOf(begin, 'app')).toMatchObject({ ready: false, started: true });
    await until('an Unhealthy event', 10_000, async () =>
      (await told('web', 'spec.containers{app}')).some(
        ([reason, message]) =>
          reason === 'Unhealthy' && message === 'Readiness probe failed: HTTP probe failed with statuscode: 503',
      ),
    );
    await inside(host, begin, 'app', 'touch /tmp/ready');
    const ready = await host.waitForPod('web', isReady);
    expect(conditionOf(ready, 'ContainersReady')).toEqual({ status: 'True' });
    expect(conditionOf(ready, 'Ready')).toEqual({ status: 'True' });
    const asked = (await inside(host, ready, 'app', 'cat /tmp/asked')).split('\n');
    expect(asked).toEqual(
      expect.arrayContaining([
        'HTTP_X_PROBE=asks',
        'QUERY_STRING=x=1',
        `HTTP_HOST=${ready.pod.status?.podIP}:8080`,
        expect.stringMatching(/^HTTP_USER_AGENT=kube-probe\//),
      ]),
    );
    await inside(host, ready, 'app', 'rm /tmp/ready');
    const again = await host.waitForPod('web', isUnready);
    expect(conditionOf(again, 'Ready')).toEqual(unready);
    await inside(host, again, 'app', 'touch /tmp/ready');
    const last = await host.waitForPod('web', isReady);
    expect(await pidOf(host, last, 'app')).toBe(await pidOf(host, begin, 'app'));
    expect(statusOf(last, 'app')?.restartCount).toBe(0);
  });

  it('connects to a port, on the address of the pod or, on the host network, of the node', async () => {
    const probed = (port: number, extra: object = {}): object =>
      shell('app', `while [ ! -e /tmp/up ]; do sleep 0.1; done; exec httpd -f -p ${port} -h /tmp`, {
        ports: [{ name: 'port', containerPort: port }],
        readinessProbe: { tcpSocket: { port: 'port' }, periodSeconds: 1 },
        ...extra,
      });
    drop('tcp', [probed(9000)]);
    drop('node', [probed(19_000)], { hostNetwork: true });
    drop('get', [probed(19_001, { readinessProbe: { httpGet: { path: '/up', port: 19_001 }, periodSeconds: 1 } })], {
      hostNetwork: true,
    });
    for (const name of ['tcp', 'node', 'get']) {
      const refused = /^Readiness probe failed: .*connection refused/;
      await until(`${name} to be refused`, 20_000, async () =>
        (await told(name, 'spec.containers{app}')).some(([, message]) => refused.test(message)),
      );
      const report = await host.waitForPod(name, isRunning('app'));
      expect(isReady(report)).toBe(false);
      await inside(host, report, 'app', 'touch /tmp/up');
      await host.waitForPod(name, isReady);
    }
  });

  it('that hangs is killed, and delays no other container', async () => {
    drop('hang', [
      shell('hangs', sleeps, { readinessProbe: command('sleep 4321 & sleep 4321', { timeoutSeconds: 60 }) }),
      shell('slow', sleeps, {
        readinessProbe: command('sleep 4322 & sleep 4322', { timeoutSeconds: 1, periodSeconds: 60 }),
      }),
      shell('quick', sleeps, { readinessProbe: command('cat /proc/uptime >> /tmp/probed') }),
    ]);
    const report = await host.waitForPod('hang', (found) => statusOf(found, 'quick')?.ready === true);
    const timedOut = [
      'Unhealthy',
      'Readiness probe failed: command timed out: "sh -c sleep 4322 & sleep 4322" timed out after 1s',
    ];
    await until('a timeout', 10_000, async () => {
      const events = await told('hang', 'spec.containers{slow}');
      return events.some((event) => JSON.stringify(event) === JSON.stringify(timedOut));
    });
    expect(await inside(host, report, 'slow', 'ps -o args')).not.toContain('4322');
    expect(await inside(host, report, 'hangs', 'ps -o args')).toContain('4321');
    const times = async (): Promise<number[]> =>
      (await inside(host, report, 'quick', 'cat /tmp/probed')).trim().split('\n').map(Number.parseFloat);
    const probed = await until('five probes', 15_000, async () => {
      const found = await times();
      return found.length >= 5 && found;
    });
    const gaps = probed.slice(1).map((time, index) => time - (probed[index] ?? 0));
    expect(gaps.filter((gap) => gap > 2.5)).toEqual([]);
  });
});

describe('a liveness probe', () => {
  it('that fails restarts its container alone, within the grace period of the probe', async () => {
    const mood = '[ -e /diary/first ] && trap "exit 0" TERM || trap "" TERM; touch /diary/first /tmp/alive';
    const livenessProbe = command('cat /tmp/alive', { failureThreshold: 2, terminationGracePeriodSeconds: 3 });
    const app = shell('app', `${mood}; while :; do sleep 0.2; done`, {
      livenessProbe,
      volumeMounts: [{ name: 'diary', mountPath: '/diary' }],
    });
    const volumes = [{ name: 'diary', emptyDir: {} }];
    drop('live', [app, sleeper('other')], { volumes, terminationGracePeriodSeconds: 40 });
    const before = await host.waitForPod('live', isReady);
    await inside(host, before, 'app', 'rm /tmp/alive');
    const after = await host.waitForPod('live', (report) => restarted('app')(report) && isReady(report), 60_000);
    const { exitCode, finishedAt = '' } = statusOf(after, 'app')?.lastState?.terminated ?? {};
    expect(exitCode).toBe(137);
    expect(await told('live', 'spec.containers{app}')).toEqual(
      expect.arrayContaining([
        ['Unhealthy', "Liveness probe failed: cat: can't open '/tmp/alive': No such file or directory\n"],
        ['Killing', 'Container app failed liveness probe, will be restarted'],
      ]),
    );
    const killing = (await eventsOf(host, 'live')).find(({ reason }) => reason === 'Killing');
    const graceSeconds = (Date.parse(finishedAt) - Date.parse(killing?.firstTimestamp ?? '')) / 1000;
    expect(graceSeconds).toBeGreaterThanOrEqual(2);
    expect(graceSeconds).toBeLessThanOrEqual(5);
    expect(await pidOf(host, after, 'other')).toBe(await pidOf(host, before, 'other'));
  });

  it('of a sidecar restarts the sidecar alone; its readiness is the pod’s', async () => {
    const side = shell('side', `touch /tmp/alive; ${sleeps}`, {
      restartPolicy: 'Always',
      readinessProbe: command('cat /tmp/ready'),
      livenessProbe: command('cat /tmp/alive', { failureThreshold: 1 }),
    });
    drop('sidecar', [sleeper('app')], { initContainers: [side] });
    const unready = await host.waitForPod('sidecar', isRunning('app'));
    expect(conditionOf(unready, 'Ready')).toMatchObject({ message: 'containers with unready status: [side]' });
    await inside(host, unready, 'side', 'touch /tmp/ready');
    const ready = await host.waitForPod('sidecar', isReady);
    await inside(host, ready, 'side', 'rm /tmp/alive');
    const after = await host.waitForPod('sidecar', (report) => restarted('side')(report) && isRunning('side')(report));
    expect(isReady(after)).toBe(false);
    expect(await pidOf(host, after, 'app')).toBe(await pidOf(host, ready, 'app'));
    expect(await told('sidecar', 'spec.initContainers{side}')).toContainEqual([
      'Killing',
      'Init container side failed liveness probe',
    ]);
  });
});

describe('a startup probe', () => {
  it('holds the other probes back until it succeeds', async () => {
    const container = shell('app', sleeps, {
      startupProbe: command('echo asked >> /tmp/startup; cat /tmp/up', { failureThreshold: 60 }),
      livenessProbe: command('echo live >> /tmp/others'),
      readinessProbe: command('echo ready >> /tmp/others'),
    });
    drop('slow', [container]);
    const starting = await host.waitForPod('slow', isRunning('app'));
    const lines = async (file: string): Promise<string[]> =>
      (await inside(host, starting, 'app', `cat ${file} || true`)).trim().split('\n');
    await until('three startup probes', 10_000, async () => (await lines('/tmp/startup')).length >= 3);
    expect(await lines('/tmp/others')).toEqual(['']);
    expect(statusOf(await host.waitForPod('slow', () => true), 'app')).toMatchObject({ started: false, ready: false });
    await inside(host, starting, 'app', 'touch /tmp/up');
    const ready = await host.waitForPod('slow', isReady);
    expect(statusOf(ready, 'app')).toMatchObject({ started: true, ready: true, restartCount: 0 });
    const asked = (await lines('/tmp/startup')).length;
    await until('both others', 10_000, async () => {
      const found = await lines('/tmp/others');
      return found.filter((line) => line === 'live').length > 1 && found.includes('ready');
    });
    expect(await lines('/tmp/startup')).toHaveLength(asked);
  });

  it('that fails restarts the container', async () => {
    const startupProbe = command('false', { failureThreshold: 2 });
    drop('stuck', [shell('app', sleeps, { startupProbe, livenessProbe: command('true') })]);
    drop('once', [shell('app', sleeps, { startupProbe })], { restartPolicy: 'Never' });
    const report = await host.waitForPod('stuck', restarted('app'));
    expect(statusOf(report, 'app')?.started).toBe(false);
    const events = await told('stuck', 'spec.containers{app}');
    expect(events).toContainEqual(['Unhealthy', 'Startup probe failed: ']);
    expect(events).toContainEqual(['Killing', 'Container app failed startup probe, will be restarted']);
    const ended = await host.waitForPod(
      'once',
      ({ pod }) => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded',
    );
    expect(statusOf(ended, 'app')?.restartCount).toBe(0);
    expect(await told('once', 'spec.containers{app}')).toContainEqual([
      'Killing',
      'Container app failed startup probe',
    ]);
  });
});
