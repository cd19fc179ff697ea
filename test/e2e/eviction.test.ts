import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type PodReport, type TestHost } from '../lab/index.ts';
import { podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;

beforeAll(async () => {
  host = await createHost();
  await start({});
});

afterEach(async () => {
  await restart({});
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

async function start(evictionHard: Readonly<Record<string, string>>): Promise<void> {
  const kubelet = { evictionHard, evictionPressureTransitionPeriod: '1m' };
  daemon = host.startDaemon({ kubelet });
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
}

async function restart(evictionHard: Readonly<Record<string, string>>): Promise<void> {
  await daemon.stop();
  await start(evictionHard);
}

const evictable = { 'podwright.dev/evictable': 'true' };

function drop(name: string, container: object, spec: object = {}, annotations: object = {}): void {
  const manifest = podManifest(name, [container], spec);
  host.drop(`${name}.yaml`, { ...manifest, metadata: { name, annotations } });
}

const isEvicted = ({ pod: { status } }: PodReport): boolean =>
  status?.phase === 'Failed' && status.reason === 'Evicted';
const disruptions = ({ pod: { status } }: PodReport): readonly object[] =>
  (status?.conditions ?? []).filter(({ type }) => type === 'DisruptionTarget');
const messageOf = ({ pod }: PodReport): string => pod.status?.message ?? '';

/** Reasons of the events of one kind of object that this daemon has seen for the first time, in their order. */
function events(kind: 'Node' | 'Pod'): readonly string[] {
  return daemon.log().flatMap((line) => {
    const { msg, kind: of, name, reason } = line as { msg?: string; kind?: string; name?: string; reason?: string };
    return msg === 'event' && of === kind ? [`${String(name)} ${String(reason)}`] : [];
  });
}

const evictions = (): readonly string[] => events('Pod').filter((event) => event.endsWith(' Evicted'));
const inNode = (name: string): string => `${name}-${host.name}`;

/** Writes some MiB to a file, then sleeps. */
const writer = (path: string, mib: number, extra: object = {}): object =>
  shell('app', `dd if=/dev/zero of=${path} bs=1048576 count=${mib}; trap "exit 0" TERM; sleep 100000 & wait`, extra);

describe('limits of local storage', () => {
  const limited = (limit: string): object => ({ resources: { limits: { 'ephemeral-storage': limit } } });
  const scratch = { volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '1Mi' } }] };
  const mounted = { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] };

  it('end the pod that is beyond one, and no other', async () => {
    drop('volume', writer('/scratch/file', 3, mounted), scratch, evictable);
    drop('layer', writer('/file', 3, limited('2Mi')), {}, evictable);
    drop('within', writer('/file', 1, limited('20Mi')), {}, evictable);
    drop('static', writer('/scratch/file', 3, mounted), scratch);

    const volume = await host.waitForPod('volume', isEvicted, 60_000);
    expect(messageOf(volume)).toBe('Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ');
    const layer = await host.waitForPod('layer', isEvicted, 60_000);
    expect(messageOf(layer)).toBe('Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ');
    expect([...evictions()].sort()).toEqual([`${inNode('layer')} Evicted`, `${inNode('volume')} Evicted`]);
    expect([volume, layer].flatMap(disruptions)).toEqual([]);
    await host.waitForPod('within', isReady);
    await host.waitForPod('static', isReady);
    expect(events('Node')).toEqual([]);
  });
});

describe('pressure', () => {
  it('on the disk shows, ends pods that may be evicted, and refuses new ones', async () => {
    drop('old', writer('/file', 1), {}, evictable);
    drop('static', sleeper('app'));
    await host.waitForPod('old', isReady);
    await host.waitForPod('static', isReady);
    await restart({ 'nodefs.available': '99.9%' });

    const old = await host.waitForPod('old', isEvicted, 60_000);
    expect(messageOf(old)).toMatch(
      /^The node was low on resource: ephemeral-storage\. Threshold quantity: \d+\w*, available: \d+\w*\. Container app was using \d+\w*, request is 0, has larger consumption of ephemeral-storage\. $/,
    );
    const disruption = { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' };
    expect(disruptions(old)).toMatchObject([{ ...disruption, message: messageOf(old) }]);
    expect(events('Node').slice(0, 2)).toEqual([
      `${host.name} NodeHasDiskPressure`,
      `${host.name} EvictionThresholdMet`,
    ]);

    drop('new', sleeper('app'), {}, evictable);
    drop('new-static', sleeper('app'));
    const refused = await host.waitForPod('new', isEvicted);
    expect(messageOf(refused)).toBe('Pod was rejected: The node had condition: [DiskPressure]. ');
    expect(refused.pod.status?.containerStatuses?.[0]?.state?.running).toBeUndefined();
    expect(disruptions(refused)).toEqual([]);
    await host.waitForPod('new-static', isReady);
    await host.waitForPod('static', isReady);

    await restart({});
    expect(disruptions(await host.waitForPod('old', isEvicted))).toEqual(disruptions(old));
  });

  it('on memory ends the pod that uses most first', async () => {
    drop('small', sleeper('app'), {}, evictable);
    drop('large', writer('/dev/shm/file', 30), {}, evictable);
    drop('static', writer('/dev/shm/file', 40));
    for (const name of ['small', 'large', 'static']) await host.waitForPod(name, isReady);
    await restart({ 'memory.available': '99.9%' });

    const large = await host.waitForPod('large', isEvicted, 60_000);
    expect(messageOf(large)).toMatch(
      /^The node was low on resource: memory\. Threshold quantity: \d+\w*, available: \d+\w*\. Container app was using \d+\w*, request is 0, has larger consumption of memory\. $/,
    );
    await host.waitForPod('small', isEvicted, 60_000);
    expect(evictions()).toEqual([`${inNode('large')} Evicted`, `${inNode('small')} Evicted`]);
    expect(events('Node')).toContain(`${host.name} NodeHasInsufficientMemory`);
    drop('new', sleeper('app'), {}, evictable);
    const refused = await host.waitForPod('new', isEvicted);
    expect(messageOf(refused)).toBe('Pod was rejected: The node had condition: [MemoryPressure]. ');
    await host.waitForPod('static', isReady);
  });
});
