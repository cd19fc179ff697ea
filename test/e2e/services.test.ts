import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type TestHost } from '../lab/index.ts';
import { inside } from './inside.ts';
import { httpGet, podManifest, shell } from './manifests.ts';

let host: TestHost;
/** A machine beside it, without Docker. */
let outside: TestHost;
let daemon: DaemonHandle;

const podwright = { serviceClusterIPRange: '192.0.2.0/24' };

beforeAll(async () => {
  host = await createHost();
  outside = await createHost({ docker: false });
  // Cluster IPs need a route, be it that nothing ever takes it.
  await host.exec('ip', ['route', 'add', '192.0.2.0/24', 'dev', 'lo']);
});

afterEach(async () => {
  for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
  await until('all pods to be gone', 60_000, async () => (await host.leaks()).length === 0, { intervalMs: 200 });
  await daemon.stop();
});

afterAll(() => {
  host?.remove();
  outside?.remove();
});

async function start(mode: string): Promise<void> {
  daemon = host.startDaemon({ podwright, args: ['--proxy-mode', mode] });
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
}

/** A server that answers with its name. */
function server(name: string, extra: object = {}): object {
  const answer = `printf "HTTP/1.0 200 OK\\r\\n\\r\\n${name}"`;
  const loop = `trap "exit 0" TERM; while :; do nc -l -p 80 -e sh -c '${answer}'; done & wait`;
  return shell('web', loop, { ports: [{ name: 'http', containerPort: 80 }], ...extra });
}

function web(name: string, extra: object = {}): object {
  const pod = podManifest(name, [server(name, extra)]) as { metadata: object };
  return { ...pod, metadata: { ...pod.metadata, labels: { app: 'web' } } };
}

const nodePort = 30_080;

const service = (spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ port: 8080, targetPort: 'http', nodePort }], ...spec },
});

async function answers(address: string, count: number, from = host): Promise<Set<string>> {
  const found = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    const name = (await httpGet(from, address)).split('\r\n\r\n')[1];
    if (name !== undefined) found.add(name);
  }
  return found;
}

async function show(command: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await host.podwright([command, '--socket', host.podwrightSocket, ...args]);
  return `${stdout}${stderr}`;
}

/** What somebody does by hand. */
const removal = {
  nftables: 'nft delete element ip kube-proxy service-ips "{ 192.0.2.10 . tcp . 8080 }"',
  iptables: 'iptables -t nat -S KUBE-SERVICES | grep 192.0.2.10 | sed s/-A/-D/ | xargs iptables -t nat',
};

describe.each(['nftables', 'iptables'] as const)('Services dropped as files, by %s', (mode) => {
  it('answer on a cluster IP and a node port, follow readiness, and stay while the daemon is away', async () => {
    await start(mode);
    host.drop('service.yaml', service({ type: 'NodePort', clusterIP: '192.0.2.10' }));
    host.drop('one.yaml', web('one'));
    const flag = { readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1 } };
    host.drop('two.yaml', web('two', flag));
    const one = await host.waitForPod('one', isReady);
    const address = '192.0.2.10 8080';
    await until('the service to answer', 15_000, async () => (await answers(address, 1)).has('one'));
    expect(await answers(address, 6)).toEqual(new Set(['one']));
    expect(await answers(`${host.address} ${nodePort}`, 3, outside)).toEqual(new Set(['one']));
    const fromItself = `printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 2 ${address}`;
    expect(await inside(host, one, 'web', fromItself)).toContain('one');

    const id = (await host.containers()).find(
      ({ Labels }) =>
        Labels['io.kubernetes.container.name'] === 'web' && Labels['io.kubernetes.pod.name']?.startsWith('two'),
    )?.Id;
    const exec = await host.docker.getContainer(id ?? '').exec({ Cmd: ['touch', '/tmp/ready'] });
    await exec.start({ Detach: true });
    await host.waitForPod('two', isReady);
    await until('both to answer', 15_000, async () => (await answers(address, 12)).size === 2);
    const shown = await show('services', '-o', 'wide');
    expect(shown).toContain(`Mode: ${mode} (`);
    expect(shown).toMatch(/^default +web +NodePort +192\.0\.2\.10 +<none> +8080:30\d{3}\/TCP +2\/2 ready/m);
    expect(shown).not.toContain('issing');
    const traced = await show('trace', 'two', 'web:8080');
    expect(traced).toMatch(/^From: +\S+ +pod default\/two-/m);
    for (const name of ['one', 'two']) expect(traced).toMatch(new RegExp(`:80 +default/${name}-\\S+ +50 % `));
    expect(await show('trace', 'node', 'web:8081')).toContain('nothing of a Service');

    await daemon.kill9();
    expect((await answers(address, 12)).size).toBe(2);
    await start(mode);
    expect((await answers(address, 12)).size).toBe(2);

    host.removeManifest('one.yaml');
    await until('the pod to leave the Service', 15_000, async () => {
      const found = await answers(address, 6);
      return found.size === 1 && found.has('two');
    });
    // A jump to the chains of the Service is taken away, the chains stay.
    await host.exec('sh', ['-c', removal[mode]]);
    expect(await show('services', '-o', 'wide')).toMatch(
      /^Missing in the kernel of default\/web \(IPv4\):\n.*192\.0\.2\.10/m,
    );
    host.removeManifest('service.yaml');
    await until('nothing to answer', 15_000, async () => (await answers(address, 1)).size === 0);
  });
});
