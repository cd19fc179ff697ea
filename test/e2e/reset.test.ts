import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHost, type DaemonHandle, isReady, type TestHost } from '../lab/index.ts';
import { podManifest, shell } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;

beforeAll(async () => {
  host = await createHost();
  await host.exec('ip', ['route', 'add', '192.0.2.0/24', 'dev', 'lo']);
  for (const command of ['iptables', 'ip6tables']) await host.exec(command, ['-N', 'FOREIGN']);
  await host.exec('iptables', ['-A', 'FOREIGN', '-d', '192.0.2.99', '-j', 'ACCEPT']);
  await host.exec('nft', ['add', 'table', 'inet', 'foreign']);
});
afterAll(() => host?.remove());

const reset = (...args: readonly string[]) =>
  host.podwright(
    ['reset', '--config', host.configFile, '--root-dir', host.rootDir, '--manifests', host.manifestDir, ...args],
    { timeoutMs: 90_000 },
  );

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { type: 'NodePort', clusterIP: '192.0.2.10', selector: { app: 'web' }, ports: [{ port: 80 }] },
};

/** A pod with each kind of volume, a host port, and a file of the host's. */
function web(hostDir: string): object {
  const loop = 'trap "exit 0" TERM; echo kept > /host/from-pod; while :; do sleep 0.1; done';
  const volumeMounts = [
    { name: 'host', mountPath: '/host' },
    { name: 'memory', mountPath: '/memory' },
    { name: 'secret', mountPath: '/secret' },
    { name: 'host', mountPath: '/part', subPath: 'part' },
  ];
  const pod = podManifest('web', [
    shell('web', loop, { volumeMounts, ports: [{ containerPort: 80, hostPort: 8088 }] }),
  ]) as { metadata: object; spec: object };
  const volumes = [
    { name: 'host', hostPath: { path: hostDir } },
    { name: 'memory', emptyDir: { medium: 'Memory' } },
    { name: 'secret', secret: { secretName: 'key' } },
  ];
  return { ...pod, metadata: { ...pod.metadata, labels: { app: 'web' } }, spec: { ...pod.spec, volumes } };
}

async function ruleset(): Promise<string> {
  const outputs = ['iptables-save', 'ip6tables-save', 'iptables-legacy-save'].map((file) => host.exec(file, []));
  const all = await Promise.all([...outputs, host.exec('nft', ['list', 'ruleset'])]);
  return all.map(({ stdout }) => stdout).join('');
}

describe.each(['nftables', 'iptables'])('reset of a host with Services by %s', (mode) => {
  it('removes all that podwright made, and nothing else', async () => {
    const hostDir = join(host.dir, `data-${mode}`);
    mkdirSync(join(hostDir, 'part'), { recursive: true });
    writeFileSync(join(hostDir, 'part', 'mine'), 'precious');
    daemon = host.startDaemon({ podwright: { serviceClusterIPRange: '192.0.2.0/24' }, args: ['--proxy-mode', mode] });
    await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
    host.drop('secret.yaml', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key' }, stringData: { key: 'x' } });
    host.drop('service.yaml', service);
    host.drop('web.yaml', web(hostDir));
    await host.waitForPod('web', isReady);
    await host.exec('sh', [
      '-c',
      `until iptables-save | grep -q 192.0.2.10 || nft list ruleset | grep -q 192.0.2.10; do sleep 0.1; done`,
    ]);
    expect(await host.leaks()).not.toEqual([]);

    const whileRunning = await reset('--force');
    expect([whileRunning.exitCode, whileRunning.stderr]).toEqual([1, expect.stringContaining('runs already on')]);
    await daemon.stop();
    const unasked = await reset();
    expect([unasked.exitCode, unasked.stderr]).toEqual([2, expect.stringContaining('--force')]);
    const dry = await reset('--dry-run');
    expect([dry.exitCode, dry.stdout]).toEqual([
      0,
      expect.stringMatching(/^\[reset\] Would end the pod default\/web-/m),
    ]);
    const [{ Id } = { Id: '' }] = await host.containers();
    const foreign = await host.docker.createContainer({
      Image: (await host.docker.getContainer(Id).inspect()).Image,
      name: `foreign-${mode}`,
      Cmd: ['sleep', '1000'],
      HostConfig: { NetworkMode: 'none' },
    });
    expect((await host.containers()).some(({ State }) => State === 'running')).toBe(true);

    const done = await reset('--force', '--grace-period', '5');
    expect([done.exitCode, done.stderr]).toEqual([0, '']);
    expect(await host.leaks()).toEqual([]);
    expect(await host.containers()).toEqual([]);
    expect((await foreign.inspect()).Name).toBe(`/foreign-${mode}`);
    await foreign.remove({ force: true });
    expect(readFileSync(join(hostDir, 'part', 'mine'), 'utf8')).toBe('precious');
    expect(readFileSync(join(hostDir, 'from-pod'), 'utf8')).toBe('kept\n');
    const left = await ruleset();
    expect(left.split('\n').filter((line) => /KUBE-|PODWRIGHT|podwright|kube-proxy/.test(line))).toEqual([]);
    expect(left).toContain('-A FOREIGN -d 192.0.2.99/32 -j ACCEPT');
    expect(left).toContain('table inet foreign');
    expect((await host.exec('ip', ['link', 'show', 'cni0'])).exitCode).not.toBe(0);
    expect(existsSync(host.rootDir) ? readdirSync(host.rootDir) : []).toEqual([]);
    for (const directory of [host.podLogsDir, host.containerLogsDir])
      expect(existsSync(directory) ? readdirSync(directory) : []).toEqual([]);
    expect(readdirSync(host.manifestDir).sort()).toEqual(['secret.yaml', 'service.yaml', 'web.yaml']);

    const again = await reset('--force');
    expect([again.exitCode, again.stderr]).toEqual([0, '']);
    for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
  }, 180_000);
});
