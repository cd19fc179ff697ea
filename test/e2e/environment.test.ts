import { readdirSync, writeFileSync } from 'node:fs';
import { hostname as machineName } from 'node:os';
import { stringify } from 'yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHost, isReady, until, type DaemonHandle, type PodReport, type TestHost } from '../lab/index.ts';
import { environmentOf, eventsOf, inside, statusOf } from './inside.ts';
import { podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;

const nodeResolvConf = 'search node.example example\nnameserver 192.0.2.53\noptions timeout:2\n';

async function startDaemon(kubelet: object = {}): Promise<void> {
  const resolvConf = `${host.dir}/resolv.conf`;
  writeFileSync(resolvConf, nodeResolvConf);
  const dns = { clusterDNS: ['198.51.100.10'], clusterDomain: 'cluster.test', resolvConf };
  daemon = host.startDaemon({
    kubelet: { ...dns, ...kubelet },
    podwright: { serviceClusterIPRange: '192.0.2.0/24' },
  });
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
}

beforeAll(async () => {
  host = await createHost();
  await startDaemon();
});

afterEach(async () => {
  for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
  await until('all pods to be gone', 60_000, async () => (await host.leaks()).length === 0, { intervalMs: 100 });
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
});

function drop(name: string, containers: readonly object[], spec: object = {}): void {
  host.drop(`${name}.yaml`, podManifest(name, containers, spec));
}

/** Objects beside pods, in one file. */
function dropObjects(...objects: readonly object[]): void {
  host.drop('objects.yaml', objects.map((object) => stringify(object)).join('---\n'));
}

const configMap = (name: string, data: object): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
const secret = (name: string, stringData: object): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData,
});
const service = (name: string, spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec,
});

const fieldRef = (fieldPath: string): object => ({ valueFrom: { fieldRef: { fieldPath } } });
const configMapKey = (name: string, key: string, optional = false): object => ({
  valueFrom: { configMapKeyRef: { name, key, optional } },
});
const resourceField = (resource: string, extra: object = {}): object => ({
  valueFrom: { resourceFieldRef: { resource, ...extra } },
});

/** What the manifest gives a container: without what the image and Docker bring. */
async function given(report: PodReport, container: string): Promise<object> {
  const environment = await environmentOf(host, report, container);
  for (const name of ['PATH', 'HOME', 'HOSTNAME']) environment.delete(name);
  return Object.fromEntries(environment);
}

/** Addresses of the pod, as its kernel knows them. */
async function addressOf(report: PodReport, container: string): Promise<string> {
  return /inet ([\d.]+)/.exec(await inside(host, report, container, 'ip -4 addr show dev eth0'))?.[1] ?? '';
}

describe('the environment of a container', () => {
  it('has values of every kind', async () => {
    const objects = [
      configMap('settings', { one: '1', two: 'from the map', 'a.b': 'dotted' }),
      configMap('more', { 'a.b': 'dotted', two: 'from more', three: 'Drei: ä' }),
      secret('keys', { password: 'pass word', two: 'secret two' }),
    ];
    dropObjects(...objects);
    const limits = { cpu: '500m', memory: '64Mi' };
    const app = sleeper('app', {
      resources: { limits, requests: { cpu: '200m', memory: '40Mi' } },
      envFrom: [
        { configMapRef: { name: 'settings' } },
        { configMapRef: { name: 'more' } },
        { secretRef: { name: 'keys' }, prefix: 'SECRET_' },
        { secretRef: { name: 'absent', optional: true } },
      ],
      env: [
        { name: 'A', value: 'a' },
        { name: 'B', value: '$(A)/$(one) $$(A) $(NOPE) $(LATER)' },
        { name: 'LATER', value: 'later' },
        { name: 'one', value: 'by env' },
        { name: 'THREE', ...configMapKey('more', 'three') },
        { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'password' } } },
        { name: 'ABSENT_KEY', ...configMapKey('more', 'absent', true) },
        { name: 'ABSENT_MAP', ...configMapKey('absent', 'absent', true) },
        { name: 'POD', ...fieldRef('metadata.name') },
        { name: 'NAMESPACE', ...fieldRef('metadata.namespace') },
        { name: 'UID', ...fieldRef('metadata.uid') },
        { name: 'LABEL', ...fieldRef("metadata.labels['app.example/tier']") },
        { name: 'NOTE', ...fieldRef("metadata.annotations['note']") },
        { name: 'NODE', ...fieldRef('spec.nodeName') },
        { name: 'ACCOUNT', ...fieldRef('spec.serviceAccountName') },
        { name: 'POD_IP', ...fieldRef('status.podIP') },
        { name: 'POD_IPS', ...fieldRef('status.podIPs') },
        { name: 'HOST_IP', ...fieldRef('status.hostIP') },
        { name: 'CPU_MILLIS', ...resourceField('limits.cpu', { divisor: '1m' }) },
        { name: 'CPUS', ...resourceField('limits.cpu') },
        { name: 'REQUESTED', ...resourceField('requests.cpu', { divisor: '1m' }) },
        { name: 'MEMORY', ...resourceField('limits.memory', { divisor: '1Mi' }) },
        { name: 'MEMORY_BYTES', ...resourceField('requests.memory') },
        { name: 'OTHER', ...resourceField('limits.memory', { divisor: '1Ki', containerName: 'other' }) },
      ],
    });
    const manifest = podManifest('env', [app, sleeper('other', { resources: { limits: { memory: '32Mi' } } })], {
      serviceAccountName: 'robot',
    }) as { metadata: object };
    manifest.metadata = {
      ...manifest.metadata,
      labels: { 'app.example/tier': 'web' },
      annotations: { note: 'two\nlines' },
    };
    host.drop('env.yaml', manifest);

    const report = await host.waitForPod('env', isReady);
    const { uid, name } = report.pod.metadata;
    const address = await addressOf(report, 'app');
    expect(address).toMatch(/^203\.0\.113\.\d+$/);
    expect(report.pod.status?.podIP).toBe(address);
    expect(await given(report, 'app')).toEqual({
      ...{
        'a.b': 'dotted',
        two: 'from more',
        three: 'Drei: ä',
        SECRET_password: 'pass word',
        SECRET_two: 'secret two',
      },
      ...{ A: 'a', B: 'a/1 $(A) $(NOPE) $(LATER)', LATER: 'later', one: 'by env' },
      ...{ THREE: 'Drei: ä', PASSWORD: 'pass word' },
      ...{
        POD: name,
        NAMESPACE: 'default',
        UID: uid,
        LABEL: 'web',
        NOTE: 'two\nlines',
        NODE: host.name,
        ACCOUNT: 'robot',
      },
      ...{ POD_IP: address, POD_IPS: address, HOST_IP: host.address },
      ...{ CPU_MILLIS: '500', CPUS: '1', REQUESTED: '200', MEMORY: '64', MEMORY_BYTES: String(40 * 1024 ** 2) },
      OTHER: String(32 * 1024),
    });
    expect(await given(report, 'other')).toEqual({});
  });

  it('is read from a file that an init container wrote, which cannot lead out of its volume', async () => {
    const fileKey = (name: string, key: string, rest: object = {}): object => ({
      name,
      valueFrom: { fileKeyRef: { volumeName: 'config', path: 'app.env', key, ...rest } },
    });
    const script = `printf "# of the init container\nHOST='192.0.2.7'\nMOTD='two\nlines'\n" > /data/app.env
      ln -s /etc/hostname /data/link`;
    const writer = shell('init', script, { volumeMounts: [{ name: 'config', mountPath: '/data' }] });
    const env = [fileKey('A', 'HOST'), fileKey('B', 'MOTD'), fileKey('C', 'NONE', { optional: true })];
    const containers = [
      sleeper('app', { env: [...env, { name: 'URL', value: 'http://$(A)' }] }),
      sleeper('keyless', { env: [fileKey('A', 'NONE')] }),
      sleeper('astray', { env: [fileKey('A', 'HOST', { path: 'link' })] }),
    ];
    drop('files', containers, {
      initContainers: [writer],
      volumes: [{ name: 'config', emptyDir: {} }],
    });
    const waitingOf = (report: PodReport, name: string) => statusOf(report, name)?.state?.waiting;
    const isTold = (found: PodReport): boolean =>
      ['keyless', 'astray'].every((name) => waitingOf(found, name)?.message !== undefined);
    const report = await host.waitForPod('files', (found) => statusOf(found, 'app')?.ready === true && isTold(found));
    expect(await given(report, 'app')).toEqual({ A: '192.0.2.7', B: 'two\nlines', URL: 'http://192.0.2.7' });
    const failed = ['keyless', 'astray'].map((name) => waitingOf(report, name));
    expect(failed).toEqual([
      {
        reason: 'CreateContainerConfigError',
        message: expect.stringMatching(
          /^environment variable key "NONE" not found in file ".*\/config\/app.env"$/,
        ) as string,
      },
      {
        reason: 'CreateContainerConfigError',
        message: 'couldn\'t parse env file: "link" of volume "config": it cannot be opened within the volume',
      },
    ]);
  });

  it('tells of Services, and its variables reach command and args', async () => {
    dropObjects(
      service('db-main', { clusterIP: '192.0.2.7', ports: [{ name: 'sql', port: 5432 }] }),
      service('kubernetes', { clusterIP: '192.0.2.1', ports: [{ name: 'https', port: 443 }] }),
      service('headless', { clusterIP: 'None', ports: [{ port: 80 }] }),
    );
    const container = (extra: object = {}): object => ({
      ...sleeper('app'),
      command: ['sh', '-c', 'trap "exit 0" TERM; sleep 100000 & wait', '$(DB_MAIN_SERVICE_HOST)'],
      args: ['$(WHO)', '$$(WHO)', '$(NOBODY)'],
      env: [{ name: 'WHO', value: 'me' }],
      ...extra,
    });
    drop('linked', [container()]);
    drop('unlinked', [container()], { enableServiceLinks: false });
    const api = {
      KUBERNETES_SERVICE_HOST: '192.0.2.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT: 'tcp://192.0.2.1:443',
      KUBERNETES_PORT_443_TCP: 'tcp://192.0.2.1:443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_ADDR: '192.0.2.1',
    };
    const linked = await host.waitForPod('linked', isReady);
    expect(await given(linked, 'app')).toEqual({
      ...api,
      DB_MAIN_SERVICE_HOST: '192.0.2.7',
      DB_MAIN_SERVICE_PORT: '5432',
      DB_MAIN_SERVICE_PORT_SQL: '5432',
      DB_MAIN_PORT: 'tcp://192.0.2.7:5432',
      DB_MAIN_PORT_5432_TCP: 'tcp://192.0.2.7:5432',
      DB_MAIN_PORT_5432_TCP_PROTO: 'tcp',
      DB_MAIN_PORT_5432_TCP_PORT: '5432',
      DB_MAIN_PORT_5432_TCP_ADDR: '192.0.2.7',
      WHO: 'me',
    });
    const argsOf = async (report: PodReport): Promise<string[]> =>
      (await inside(host, report, 'app', 'cat /proc/1/cmdline')).split('\0').slice(3, -1);
    expect(await argsOf(linked)).toEqual(['192.0.2.7', 'me', '$(WHO)', '$(NOBODY)']);
    const unlinked = await host.waitForPod('unlinked', isReady);
    expect(await given(unlinked, 'app')).toEqual({ ...api, WHO: 'me' });
    expect(await argsOf(unlinked)).toEqual(['$(DB_MAIN_SERVICE_HOST)', 'me', '$(WHO)', '$(NOBODY)']);
  });

  it('is waited for when a ConfigMap, a Secret or a key is not there, and no longer', async () => {
    dropObjects(configMap('partly', { there: 'text' }));
    drop('no-map', [sleeper('app', { envFrom: [{ configMapRef: { name: 'late' } }] }), sleeper('other')]);
    drop('no-key', [sleeper('app', { env: [{ name: 'KEY', ...configMapKey('partly', 'late') }] })]);
    const secretKeyRef = { name: 'late', key: 'token' };
    drop('no-secret', [sleeper('app', { env: [{ name: 'TOKEN', valueFrom: { secretKeyRef } }] })]);
    const messages = {
      'no-map': 'configmap "late" not found',
      'no-key': "couldn't find key late in ConfigMap default/partly",
      'no-secret': 'secret "late" not found',
    };
    for (const [name, message] of Object.entries(messages)) {
      const isTold = (found: PodReport): boolean => statusOf(found, 'app')?.state?.waiting?.message === message;
      const waiting = await host.waitForPod(name, isTold);
      expect(statusOf(waiting, 'app')?.state?.waiting?.reason).toBe('CreateContainerConfigError');
      const failed = (await eventsOf(host, name)).filter(({ reason }) => reason === 'Failed');
      expect(failed.map((event) => event.message)).toContain(`Error: ${message}`);
    }
    const other = await host.waitForPod('no-map', (report) => statusOf(report, 'other')?.ready === true);
    expect(statusOf(other, 'app')?.ready).toBe(false);

    const since = performance.now();
    dropObjects(
      configMap('partly', { late: 'now' }),
      configMap('late', { MAP: 'here' }),
      secret('late', { token: 't' }),
    );
    const reports = await Promise.all(Object.keys(messages).map((name) => host.waitForPod(name, isReady)));
    expect(performance.now() - since).toBeLessThan(5_000);
    const [map, key, token] = await Promise.all(reports.map((report) => given(report, 'app')));
    expect([map, key, token]).toEqual([{ MAP: 'here' }, { KEY: 'now' }, { TOKEN: 't' }]);
    expect(reports.map((report) => statusOf(report, 'app')?.restartCount)).toEqual([0, 0, 0]);
  });
});

const localHosts = [
  '# Kubernetes-managed hosts file.',
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

describe('the name of a pod', () => {
  it('is known to its kernel and stands in /etc/hosts', async () => {
    const hostAliases = [{ ip: '192.0.2.9', hostnames: ['one', 'two'] }];
    drop('plain', [sleeper('app')], { hostAliases });
    drop('sub', [sleeper('app')], { hostname: 'web-0', subdomain: 'web' });
    drop('full', [sleeper('app')], { hostname: 'web-1', subdomain: 'web', setHostnameAsFQDN: true });
    const look = async (name: string): Promise<{ report: PodReport; kernel: string; hosts: string[] }> => {
      const report = await host.waitForPod(name, isReady);
      const [kernel = '', ...hosts] = (await inside(host, report, 'app', 'uname -n; cat /etc/hosts'))
        .trim()
        .split('\n');
      return { report, kernel, hosts };
    };
    const plain = await look('plain');
    expect(plain.kernel).toBe(`plain-${host.name}`);
    expect(plain.hosts).toEqual([
      ...localHosts,
      `${await addressOf(plain.report, 'app')}\tplain-${host.name}`,
      ...['', '# Entries added by HostAliases.', '192.0.2.9\tone\ttwo'],
    ]);
    const sub = await look('sub');
    expect(sub.kernel).toBe('web-0');
    expect(sub.hosts.at(-1)).toBe(`${sub.report.pod.status?.podIP}\tweb-0.web.default.svc.cluster.test\tweb-0`);
    const full = await look('full');
    expect(full.kernel).toBe('web-1.web.default.svc.cluster.test');
    expect(full.hosts.at(-1)).toBe(`${full.report.pod.status?.podIP}\tweb-1.web.default.svc.cluster.test\tweb-1`);
  });

  it('is the node’s on the host network; a container may mount a hosts file of its own', async () => {
    const hostAliases = [{ ip: '192.0.2.9', hostnames: ['one'] }];
    drop('node', [sleeper('app')], { hostNetwork: true, hostAliases });
    dropObjects(configMap('own', { hosts: '192.0.2.1 own\n' }));
    const own = sleeper('own', { volumeMounts: [{ name: 'own', mountPath: '/etc/hosts', subPath: 'hosts' }] });
    drop('mount', [own, sleeper('app')], { volumes: [{ name: 'own', configMap: { name: 'own' } }] });
    const node = await host.waitForPod('node', isReady);
    expect((await inside(host, node, 'app', 'uname -n')).trim()).toBe(machineName());
    const nodeHosts = (await host.exec('cat', ['/etc/hosts'])).stdout.trim();
    expect((await inside(host, node, 'app', 'cat /etc/hosts')).split('\n')).toEqual([
      '# Kubernetes-managed hosts file (host network).',
      ...nodeHosts.split('\n'),
      ...['', '# Entries added by HostAliases.', '192.0.2.9\tone'],
    ]);
    const mount = await host.waitForPod('mount', isReady);
    expect(await inside(host, mount, 'own', 'cat /etc/hosts')).toBe('192.0.2.1 own');
    expect(await inside(host, mount, 'app', 'cat /etc/hosts')).toContain('# Kubernetes-managed hosts file.');
  });

  it('has the new address after the sandbox was lost, and so has the environment', async () => {
    drop('moves', [sleeper('app', { env: [{ name: 'POD_IP', ...fieldRef('status.podIP') }] })]);
    const before = await host.waitForPod('moves', isReady);
    const first = await addressOf(before, 'app');
    await inside(host, before, 'app', 'echo broken > /etc/hosts; echo broken > /etc/resolv.conf');
    const sandbox = (await host.containers()).find(({ Names }) => Names.some((name) => name.includes('_POD_')));
    await host.docker.getContainer(sandbox?.Id ?? '').kill();
    const isAnew = (report: PodReport): boolean => isReady(report) && (statusOf(report, 'app')?.restartCount ?? 0) > 0;
    const after = await host.waitForPod('moves', isAnew, 40_000);
    const second = await addressOf(after, 'app');
    expect(second).not.toBe(first);
    expect(after.pod.status?.podIPs).toEqual([{ ip: second }]);
    expect(await given(after, 'app')).toEqual({ POD_IP: second });
    const hosts = (await inside(host, after, 'app', 'cat /etc/hosts')).split('\n');
    expect(hosts).toEqual([...localHosts, `${second}\tmoves-${host.name}`]);
    expect(await inside(host, after, 'app', 'cat /etc/resolv.conf')).toContain('nameserver 198.51.100.10');
  });
});

describe('name service', () => {
  const cluster =
    'search default.svc.cluster.test svc.cluster.test cluster.test node.example example\nnameserver 198.51.100.10\noptions ndots:5';
  const none = { dnsPolicy: 'None', dnsConfig: { nameservers: ['192.0.2.1'] } };
  const added = {
    nameservers: ['198.51.100.10', '192.0.2.1'],
    searches: ['more.example', 'cluster.test'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  };
  const many = { nameservers: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] };

  async function resolvConf(name: string): Promise<string> {
    return inside(host, await host.waitForPod(name, isReady), 'app', 'cat /etc/resolv.conf');
  }

  it('is what policy and config say', async () => {
    const cases: readonly (readonly [name: string, spec: object, text: string])[] = [
      ['first', {}, cluster],
      ['first-host', { hostNetwork: true }, nodeResolvConf.trim()],
      ['with-host', { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, cluster],
      ['default', { dnsPolicy: 'Default' }, nodeResolvConf.trim()],
      ['none', none, 'nameserver 192.0.2.1'],
      [
        'merged',
        { dnsConfig: added },
        'search default.svc.cluster.test svc.cluster.test cluster.test node.example example more.example\n' +
          'nameserver 198.51.100.10\nnameserver 192.0.2.1\noptions ndots:2 edns0',
      ],
      [
        'many',
        { dnsPolicy: 'Default', dnsConfig: many },
        'search node.example example\nnameserver 192.0.2.53\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions timeout:2',
      ],
    ];
    for (const [name, spec] of cases) drop(name, [sleeper('app')], spec);
    for (const [name, , text] of cases) expect([name, await resolvConf(name)]).toEqual([name, text]);
    const warnings = (await eventsOf(host, 'many')).filter(({ type }) => type === 'Warning');
    expect(warnings.map(({ reason, message }) => [reason, message])).toEqual([
      [
        'DNSConfigForming',
        'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 192.0.2.53 192.0.2.1 192.0.2.2',
      ],
    ]);
  });

  it('is the node’s, with a warning, without the address of a cluster’s', async () => {
    await daemon.stop();
    await startDaemon({ clusterDNS: [] });
    drop('none', [sleeper('app')], none);
    drop('fallback', [sleeper('app')]);
    expect(await resolvConf('fallback')).toBe(nodeResolvConf.trim());
    expect(await resolvConf('none')).toBe('nameserver 192.0.2.1');
    const warned = async (name: string): Promise<string[]> =>
      (await eventsOf(host, name)).filter(({ type }) => type === 'Warning').map(({ reason }) => reason);
    expect(await warned('fallback')).toEqual(['MissingClusterDNS']);
    expect(await warned('none')).toEqual([]);
    await daemon.stop();
    await startDaemon({ resolvConf: '' });
    drop('no-node', [sleeper('app')], { dnsPolicy: 'Default' });
    expect(await resolvConf('no-node')).toBe('search .\nnameserver 127.0.0.1\nnameserver ::1');
  });
});
