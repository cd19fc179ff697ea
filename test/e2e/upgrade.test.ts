import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type TestHost } from '../lab/index.ts';
import { namespacePath } from '../lab/names.ts';
import { installedProgram, installPackage } from '../lab/package.ts';
import { buildPrevious, whyNoPrevious } from '../lab/previous.ts';
import { startEchoes, type Echoes } from './echoes.ts';
import { inside, pidOf } from './inside.ts';
import { podManifest, shell, sleeper } from './manifests.ts';

/*
 * The pods of a host while podwright is upgraded under them. PODWRIGHT_UPGRADE_PODS=50 takes more of them,
 * PODWRIGHT_UPGRADE_MODE=iptables another proxy mode, PODWRIGHT_PREVIOUS=<commit> another version to begin with.
 */

const podCount = Number(process.env['PODWRIGHT_UPGRADE_PODS'] ?? 12);
const mode = process.env['PODWRIGHT_UPGRADE_MODE'] ?? 'nftables';
const missing = whyNoPrevious();

const clusterIp = '192.0.2.10';
const port = 7;
const nodePort = 30_007;

let prefix: string;
let host: TestHost;
/** A machine beside it, which clients of the node port are on. */
let outside: TestHost;
let daemon: DaemonHandle;
let echoes: readonly Echoes[] = [];

describe.skipIf(missing !== undefined)(`an upgrade from an earlier tarball ${missing ?? ''}`, () => {
  beforeAll(async () => {
    prefix = mkdtempSync(join(tmpdir(), 'pw-upgrade-'));
    buildPrevious(source());
    host = await createHost();
    outside = await createHost({ docker: false });
    await refuseWhatNoServiceTakes();
  });

  afterAll(async () => {
    for (const one of echoes) one.stop();
    await daemon?.stop();
    host?.remove();
    outside?.remove();
    rmSync(prefix, { recursive: true, force: true });
  });

  it('and back leaves containers, statuses, connections and rules alone, and what changed meanwhile is acted on', async () => {
    installPackage(prefix, source());
    startDaemon();
    for (const [file, object] of Object.entries(others)) host.drop(file, object);
    for (let index = 0; index < podCount; index += 1) host.drop(`p${index}.yaml`, echoServer(`p${index}`));
    host.drop('round-0.yaml', podManifest('round-0', [sleeper('app')]));
    await untilReady(podCount + 3);
    echoes = await startClients();
    const before = await settled();

    installPackage(prefix);
    await changeVersion(1);
    expect(await settled()).toEqual(before);
    installPackage(prefix, source());
    await changeVersion(2);
    expect(await settled()).toEqual(before);

    for (const one of echoes) {
      const report = await one.report();
      expect(report.lost).toEqual([]);
      expect(report.echoed).toBeGreaterThan(0);
      expect(report.made).toBeGreaterThan(0);
    }
  });
});

/** The tree of the earlier version. */
function source(): string {
  return join(prefix, 'source');
}

function startDaemon(): void {
  daemon = host.startDaemon({
    program: installedProgram(prefix),
    podwright: { serviceClusterIPRange: '192.0.2.0/24' },
    args: ['--proxy-mode', mode],
  });
}

/** From the daemon that runs to the version that is installed now. What changes while none runs is found by the new one. */
async function changeVersion(round: number): Promise<void> {
  host.drop('by-the-old.yaml', podManifest(`by-the-old-${round}`, [sleeper('app')]));
  await host.waitForPod(`by-the-old-${round}`, isReady, 60_000); // it runs on with the code that it has
  const report = await host.waitForPod('flag', () => true);
  const wasReady = isReady(report);
  await daemon.stop();
  await inside(host, report, 'app', wasReady ? 'rm /tmp/flag' : 'touch /tmp/flag');
  host.removeManifest(`round-${round - 1}.yaml`);
  host.drop(`round-${round}.yaml`, podManifest(`round-${round}`, [sleeper('app')]));
  startDaemon();
  await host.waitForPod(`round-${round}`, isReady, 60_000);
  await host.waitForNoPod(`round-${round - 1}`, 60_000);
  await host.waitForPod('flag', (later) => isReady(later) !== wasReady, 60_000);
}

/** A connection to a Service without rules is refused at once, by the machine beside the host. */
async function refuseWhatNoServiceTakes(): Promise<void> {
  await host.exec('ip', ['route', 'add', '192.0.2.0/24', 'via', outside.address]);
  await outside.exec('ip', ['route', 'add', 'local', '192.0.2.0/24', 'dev', 'lo']);
}

function service(name: string, spec: object): object {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: 'echo' }, ...spec } };
}

function echoServer(name: string): object {
  const server = shell('echo', `trap "exit 0" TERM; nc -ll -p ${port} -e cat & wait`, {
    readinessProbe: { tcpSocket: { port }, periodSeconds: 2, timeoutSeconds: 10 },
  });
  const pod = podManifest(name, [server]) as { readonly metadata: object };
  return { ...pod, metadata: { ...pod.metadata, labels: { app: 'echo' } } };
}

/** Beside the echo servers. */
const others: Readonly<Record<string, object>> = {
  'service.yaml': service('echo', { type: 'NodePort', clusterIP: clusterIp, ports: [{ port, nodePort }] }),
  // It keeps the address that it gets.
  'some-address.yaml': service('some-address', { ports: [{ port }] }),
  // Its readiness is a file.
  'flag.yaml': podManifest('flag', [
    shell('app', 'touch /tmp/flag; trap "exit 0" TERM; sleep 100000 & wait', {
      readinessProbe: { exec: { command: ['cat', '/tmp/flag'] }, periodSeconds: 1, timeoutSeconds: 10 },
    }),
  ]),
  // It has run, and does not run again.
  'job.yaml': podManifest('p-job', [shell('app', 'true')], { restartPolicy: 'Never' }),
  // Its container was restarted once; its volume stays.
  'crashed.yaml': podManifest(
    'p-crashed',
    [
      shell(
        'app',
        '[ -e /data/crashed ] || { touch /data/crashed; exit 1; }; trap "exit 0" TERM; sleep 100000 & wait',
        {
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ),
    ],
    { volumes: [{ name: 'data', emptyDir: {} }] },
  ),
};

async function untilReady(count: number): Promise<void> {
  const options = { intervalMs: 250, explain: () => daemon.describe() };
  const allReady = async (): Promise<boolean> => (await host.status()).pods.filter(isReady).length === count;
  await until('all pods to be ready', 150_000, allReady, options);
  await host.waitForPod('p-job', ({ pod }) => pod.status?.phase === 'Succeeded', 60_000);
  await until('the Service to be complete', 30_000, isServiceComplete, options);
}

/** In the kernel too. */
async function isServiceComplete(): Promise<boolean> {
  const { stdout } = await host.podwright(['services', '--socket', host.podwrightSocket, '-o', 'wide']);
  return stdout.includes(` ${podCount}/${podCount} ready`) && !stdout.includes('issing');
}

async function startClients(): Promise<readonly Echoes[]> {
  const pid = await pidOf(host, await host.waitForPod('p0', isReady), 'echo');
  return Promise.all([
    startEchoes(namespacePath(host.netns), clusterIp, port, 20),
    startEchoes(`/proc/${pid}/ns/net`, clusterIp, port, 20),
    startEchoes(namespacePath(outside.netns), host.address, nodePort, 20),
  ]);
}

/** {@link picture}, when it stays as it is. */
async function settled(): Promise<object> {
  let last: object | undefined;
  const unchanged = async (): Promise<object | false> => {
    const [former, next] = [last, await picture()];
    last = next;
    return isDeepStrictEqual(former, next) && next;
  };
  return until('everything to be at rest', 60_000, unchanged, { intervalMs: 500, explain: () => daemon.describe() });
}

/** What must be the same before and after, of pods that are there all the time. */
async function picture(): Promise<object> {
  const { pods } = await host.status();
  const statuses = pods.filter(({ pod }) => isLasting(pod.metadata.name));
  const containers = (await host.containers()).filter(({ Labels }) =>
    isLasting(Labels['io.kubernetes.pod.name'] ?? ''),
  );
  return {
    statuses: statuses.map(({ pod: { metadata, status } }) => ({ uid: metadata.uid, status })).sort(byText),
    containers: (await Promise.all(containers.map(async ({ Id }) => state(Id)))).sort(byText),
    rules: await rules(),
  };
}

function isLasting(pod: string): boolean {
  return /^p/.test(pod);
}

async function state(id: string): Promise<object> {
  const { Id, RestartCount, State } = await host.docker.getContainer(id).inspect();
  return { Id, RestartCount, State };
}

/** In an order that does not depend on which was made first, without the mark that each daemon puts on its tables. */
async function rules(): Promise<readonly string[]> {
  const tables = await host.exec('nft', ['--stateless', 'list', 'ruleset']);
  return tables.stdout
    .replaceAll(/ comment "podwright [0-9a-f-]{36}"/g, '')
    .split('\n')
    .sort();
}

function byText(a: object, b: object): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
