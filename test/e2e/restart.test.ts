import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type PodReport, type TestHost } from '../lab/index.ts';
import { podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;

const count = 30;

beforeAll(async () => {
  host = await createHost();
  daemon = host.startDaemon();
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
});

afterEach(async () => {
  for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
  await until('all pods to be gone', 90_000, async () => (await host.leaks()).length === 0, { intervalMs: 200 });
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
});

/** What must not change over a restart of the daemon. */
function lasting({ pod: { metadata, status } }: PodReport): object {
  return { uid: metadata.uid, status };
}

async function lastingPods(): Promise<object[]> {
  const { pods } = await host.status();
  return pods.map(lasting).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

async function containerIds(): Promise<string[]> {
  return (await host.containers()).map(({ Id, State }) => `${Id} ${State}`).sort();
}

describe('a daemon that is restarted', () => {
  it('knows every pod again: same containers, restart counts, addresses, readiness, times of conditions', async () => {
    const probe = { exec: { command: ['cat', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 3 };
    for (let index = 0; index < count; index += 1) {
      const container =
        index % 2 === 0
          ? sleeper('app')
          : shell('app', 'touch /tmp/ready; trap "exit 0" TERM; sleep 100000 & wait', {
              startupProbe: probe,
              readinessProbe: probe,
              livenessProbe: probe,
            });
      host.drop(`p${index}.yaml`, podManifest(`p${index}`, [container]));
    }
    const allReady = async (): Promise<boolean> => {
      const { pods } = await host.status();
      return pods.length === count && pods.every(isReady);
    };
    await until('all pods to be ready', 120_000, allReady, { intervalMs: 500 });
    const [before, idsBefore] = [await lastingPods(), await containerIds()];

    for (const end of ['stop', 'kill9'] as const) {
      await daemon[end]();
      daemon = host.startDaemon();
      await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
      expect(await lastingPods()).toEqual(before);
      // Long enough for every probe to have run again.
      for (let look = 0; look < 8; look += 1) {
        await new Promise((resolve) => setTimeout(resolve, 400));
        expect(await lastingPods()).toEqual(before);
      }
      expect(await containerIds()).toEqual(idsBefore);
    }
  });
});

describe('a configuration that changes', () => {
  const edit = (change: (text: string) => string): void =>
    writeFileSync(host.configFile, change(readFileSync(host.configFile, 'utf8')));
  const logged = (msg: string): number => daemon.log().filter((line) => line.msg === msg).length;
  const untilLogged = async (msg: string, count: number): Promise<void> => {
    await until(`the ${count}th "${msg}" in the log`, 60_000, () => logged(msg) >= count, {
      explain: () => daemon.describe(),
    });
  };

  it('takes effect without a new process, and no pod notices', async () => {
    host.drop('web.yaml', podManifest('web', [sleeper('app')]));
    await until('the pod to run', 60_000, async () => (await host.status()).pods.some(isReady));
    const before = await containerIds();
    const starts = logged('first reconcile done');
    edit((text) =>
      text.replace('kind: KubeletConfiguration\n', 'kind: KubeletConfiguration\ncontainerLogMaxFiles: 3\n'),
    );
    await untilLogged('first reconcile done', starts + 1);
    host.drop('more.yaml', podManifest('more', [sleeper('app')]));
    const more = await until('the other pod to run', 60_000, async () => {
      const { pods } = await host.status();
      const found = pods.find(({ pod }) => pod.metadata.name.startsWith('more'));
      return found !== undefined && isReady(found) ? found : undefined;
    });
    const id = more.pod.status?.containerStatuses?.[0]?.containerID?.replace('docker://', '') ?? '';
    const { HostConfig } = await host.docker.getContainer(id).inspect();
    expect(HostConfig.LogConfig?.Config).toMatchObject({ 'max-file': '3' });
    expect((await containerIds()).filter((one) => before.includes(one))).toEqual(before);
  });

  it('stays as it was when the new one is wrong', async () => {
    const text = readFileSync(host.configFile, 'utf8');
    appendFileSync(host.configFile, 'noSuchField: 1\n');
    await untilLogged('the new configuration is wrong: the old one stays in effect', 1);
    expect((await host.status()).node.ready).toBe(true);
    writeFileSync(host.configFile, text);
    await untilLogged('the configuration is as it was', 1);
  });

  it('is read at SIGHUP; a verbosity changes the log only', async () => {
    process.kill(daemon.pid, 'SIGHUP');
    await untilLogged('the configuration is as it was', 2);
    const starts = logged('podwright starts');
    edit((text) =>
      text.replace('kind: KubeletConfiguration\n', 'kind: KubeletConfiguration\nlogging: {verbosity: 6}\n'),
    );
    await untilLogged('the verbosity of the log has changed', 1);
    expect(logged('podwright starts')).toBe(starts);
  });
});
