import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type TestHost } from '../lab/index.ts';
import { httpGet, podManifest, shell, sleeper } from './manifests.ts';

const hosts: TestHost[] = [];
const daemons: DaemonHandle[] = [];

afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.kill9().catch(() => undefined);
  for (const host of hosts.splice(0)) host.remove();
});

async function newHost(options: Parameters<typeof createHost>[0] = {}): Promise<TestHost> {
  const host = await createHost(options);
  hosts.push(host);
  return host;
}

async function start(host: TestHost, options: Parameters<TestHost['startDaemon']>[0] = {}): Promise<void> {
  const daemon = host.startDaemon(options);
  daemons.push(daemon);
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
}

const serve = 'mkdir /www; echo hello > /www/index.html; exec httpd -f -p 80 -h /www';

async function podIps(host: TestHost, name: string): Promise<string[]> {
  const { pod } = await host.waitForPod(name, isReady);
  return pod.status?.podIPs?.map(({ ip }) => ip ?? '') ?? [];
}

describe('the pod network', () => {
  it('gives pods both families; they reach each other, the host and, masqueraded, other hosts, although FORWARD drops', async () => {
    const host = await newHost({ podCidr: '203.0.113.0/24,2001:db8:1::/64' });
    const peer = await newHost({ docker: false });
    await host.exec('iptables', ['-P', 'FORWARD', 'DROP']);
    await host.exec('ip6tables', ['-P', 'FORWARD', 'DROP']);
    await start(host);
    const log = (to: string): string =>
      `until ping -c1 -W1 ${to} && ping -c1 -W1 ${peer.address} && ping6 -c1 -W1 ${peer.address6}; do sleep 0.2; done; echo reached; sleep 100000`;
    host.drop(
      'web.yaml',
      podManifest('web', [shell('web', serve, { ports: [{ containerPort: 80, hostPort: 8080 }] })]),
    );
    const [v4 = '', v6 = ''] = await podIps(host, 'web');
    expect([v4, v6].map((ip) => ip.includes(':'))).toEqual([false, true]);
    host.drop('ask.yaml', podManifest('ask', [shell('ask', log(v4))]));
    await podIps(host, 'ask');
    for (const target of [`${v4} 80`, `${v6} 80`, `${host.address} 8080`, `${host.address6} 8080`]) {
      await until(`the host to reach ${target}`, 10_000, async () => (await httpGet(host, target)).includes('hello'));
    }
    for (const target of [`${host.address} 8080`, `${host.address6} 8080`]) {
      await until(`the peer to reach ${target}`, 10_000, async () => (await httpGet(peer, target)).includes('hello'));
    }
    const [ask] = (await host.containers()).filter(({ Labels }) => Labels['io.kubernetes.container.name'] === 'ask');
    await until('the pod to reach pod and peer', 20_000, async () => {
      const logs = await host.docker.getContainer(ask?.Id ?? '').logs({ stdout: true, stderr: true });
      return logs.toString().includes('reached');
    });
  });

  it('can be any CNI configuration: a plugin of somebody else, chained behind the built-in bridge', async () => {
    const host = await newHost();
    const config = {
      cniVersion: '1.0.0',
      name: 'custom',
      plugins: [
        {
          type: 'bridge',
          bridge: 'br-custom',
          isGateway: true,
          ipam: { type: 'host-local', ranges: [[{ subnet: '203.0.113.64/26' }]], routes: [{ dst: '0.0.0.0/0' }] },
        },
        { type: 'recorder' },
      ],
    };
    mkdirSync(host.cniConfDir, { recursive: true });
    writeFileSync(join(host.cniConfDir, '00-broken.conflist'), '{');
    writeFileSync(join(host.cniConfDir, '10-custom.conflist'), JSON.stringify(config));
    const record = join(host.dir, 'record');
    const plugin = `#!/bin/sh\ninput=$(cat)\necho "$CNI_COMMAND $CNI_IFNAME $CNI_ARGS" >> ${record}\ncase $CNI_COMMAND in ADD) echo "$input" | sed 's/.*"prevResult"://; s/}$//';; esac\n`;
    writeFileSync(join(host.cniBinDir, 'recorder'), plugin, { mode: 0o755 });
    await start(host);
    host.drop('pod.yaml', podManifest('pod', [sleeper('a')]));
    const [ip = ''] = await podIps(host, 'pod');
    expect(ip).toMatch(/^203\.0\.113\.(6[5-9]|[7-9]\d|1[01]\d|12[0-6])$/);
    const status = await host.status();
    expect(status.node.network.name).toBe('custom');
    host.removeManifest('pod.yaml');
    await host.waitForNoPod('pod');
    const { stdout } = await host.exec('cat', [record]);
    expect(stdout).toMatch(/^ADD eth0 IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=pod-/);
    expect(stdout).toMatch(/\nDEL eth0 /);
    await until('nothing to be left', 10_000, async () => (await host.leaks()).length === 0);
  });

  it('is rebuilt when somebody flushed the firewall, once Docker is reached again', async () => {
    const host = await newHost();
    await start(host);
    host.drop(
      'web.yaml',
      podManifest('web', [shell('web', serve, { ports: [{ containerPort: 80, hostPort: 8080 }] })]),
    );
    await podIps(host, 'web');
    await host.exec('nft', ['flush', 'ruleset']);
    await host.restartDocker('SIGTERM');
    await host.waitForPod('web', isReady, 40_000);
    await until('the host port', 10_000, async () => (await httpGet(host, `${host.address} 8080`)).includes('hello'));
    const { stdout } = await host.exec('iptables-save', []);
    expect(stdout).toContain('-A FORWARD -m comment --comment "podwright forwarding" -j PODWRIGHT-FORWARD');
  });
});
