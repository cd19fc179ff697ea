import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Config, ConfigError, type Flags, loadConfig, type LoadedConfig } from '../../../agent/config/index.ts';

const path = '/etc/podwright/config.yaml';
const kubelet = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
const kubeProxy = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';
const podwright = 'apiVersion: podwright.dev/v1alpha1\nkind: PodwrightConfiguration\n';

interface Input {
  readonly file?: string;
  readonly flags?: Flags;
  readonly env?: Readonly<Record<string, string>>;
  readonly hostname?: string;
}

async function load({ file, flags = {}, env = {}, hostname = 'Node-1' }: Input): Promise<LoadedConfig> {
  const readFile = (): Promise<string> => Promise.resolve(file ?? '');
  return loadConfig(file === undefined ? flags : { config: path, ...flags }, {
    readFile,
    env,
    hostname,
    cwd: '/home/me',
  });
}

/** The lines that a user reads. */
async function problems(input: Input): Promise<readonly string[]> {
  try {
    await load(input);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n');
  }
}

const defaults: Config = {
  nodeName: 'node-1',
  nodeLabels: {},
  kubeconfig: undefined,
  nodeIps: [],
  rootDir: '/var/lib/kubelet',
  manifestDir: '/etc/kubernetes/manifests',
  fileCheckFrequencyMs: 20_000,
  syncFrequencyMs: 60_000,
  dockerHost: 'unix:///var/run/docker.sock',
  socketPath: '/run/podwright/podwright.sock',
  podSandboxImage: 'registry.k8s.io/pause:3.10',
  podCidrs: ['10.244.0.0/24'],
  podLogsDir: '/var/log/pods',
  containerLogsDir: '/var/log/containers',
  cni: {
    confDir: '/etc/cni/net.d',
    binDirs: ['/opt/cni/bin'],
    cacheDir: '/var/lib/cni',
    dataDir: '/var/lib/cni/networks',
  },
  cgroupDriver: undefined,
  cgroupRoot: '',
  cgroupsPerQOS: true,
  cpuQuota: { enforce: true, periodMicros: 100_000 },
  containerLogMaxSizeBytes: 10 * 1024 * 1024,
  containerLogMaxFiles: 5,
  maxParallelPulls: undefined,
  registryPullQPS: 5,
  registryBurst: 10,
  imageGc: { highThresholdPercent: 85, lowThresholdPercent: 80, minAgeMs: 120_000, maxAgeMs: 0 },
  imageCredentialProviders: undefined,
  routeBackend: 'auto',
  maxParallelStarts: undefined,
  services: { clusterIps: ['10.96.0.0/12'], nodePorts: { first: 30_000, last: 32_767 } },
  maxPods: 110,
  podPidsLimit: undefined,
  clusterDNS: [],
  clusterDomain: '',
  resolvConf: '/etc/resolv.conf',
  runtimeRequestTimeoutMs: 120_000,
  maxContainerRestartPeriodMs: 300_000,
  log: { format: undefined, verbosity: 2 },
  kubelet: {},
  proxyMode: 'auto',
  kubeProxy: undefined,
};

const node: Flags = { kubeconfig: '/k', rootDir: '/r' };

/** Loads where a join has written the given file. */
async function loadJoined(joined: string | undefined, flags: Flags = node, file = ''): Promise<LoadedConfig> {
  const missing = Object.assign(new Error('there is no file'), { code: 'ENOENT' });
  const readFile = async (name: string): Promise<string> => {
    if (name === path) return Promise.resolve(file);
    const isJoined = name === '/r/podwright/kube-proxy.yaml' && joined !== undefined;
    return isJoined ? Promise.resolve(joined) : Promise.reject(missing);
  };
  return loadConfig(flags, { readFile, env: {}, hostname: 'n', cwd: '/' });
}

describe('values', () => {
  it('are the defaults without file and flags', async () => {
    expect(await load({})).toEqual({ config: defaults, warnings: [], notActedOn: [] });
  });

  it.each<[string, Input, Partial<Config>]>([
    ['a field', { file: `${kubelet}staticPodPath: /srv/pods` }, { manifestDir: '/srv/pods' }],
    ['a relative path of the file', { file: `${kubelet}staticPodPath: pods` }, { manifestDir: '/etc/podwright/pods' }],
    ['a relative path of a flag', { flags: { manifests: 'pods' } }, { manifestDir: '/home/me/pods' }],
    [
      'a flag before the file',
      { file: `${kubelet}staticPodPath: /srv/pods\nmaxPods: 5`, flags: { podManifestPath: '/flag', maxPods: '7' } },
      { manifestDir: '/flag', maxPods: 7 },
    ],
    ['durations', { file: `${kubelet}fileCheckFrequency: 1m30s` }, { fileCheckFrequencyMs: 90_000 }],
    ['a zero duration as none', { file: `${kubelet}fileCheckFrequency: 0s` }, { fileCheckFrequencyMs: 20_000 }],
    ['null as none', { file: `${kubelet}maxPods: null\nlogging: null` }, { maxPods: 110 }],
    ['quantities', { file: `${kubelet}containerLogMaxSize: 1.5Mi` }, { containerLogMaxSizeBytes: 1_572_864 }],
    ['quantity flags', { flags: { containerLogMaxSize: '1k' } }, { containerLogMaxSizeBytes: 1000 }],
    ['list flags', { flags: { clusterDns: '192.0.2.1, 192.0.2.2' } }, { clusterDNS: ['192.0.2.1', '192.0.2.2'] }],
    [
      'both families',
      { flags: { podCidr: '192.0.2.0/24, 2001:db8::/64' } },
      { podCidrs: ['192.0.2.0/24', '2001:db8::/64'] },
    ],
    ['serial pulls', { file: `${kubelet}serializeImagePulls: true` }, { maxParallelPulls: 1 }],
    [
      'taints of flags',
      { flags: { registerWithTaints: 'example.com/a=b:NoSchedule,c:NoExecute' } },
      {
        kubelet: {
          registerWithTaints: [
            { key: 'example.com/a', value: 'b', effect: 'NoSchedule' },
            { key: 'c', effect: 'NoExecute' },
          ],
        },
      },
    ],
    [
      'flags of the Node',
      { flags: { registerNode: 'false', providerId: 'x://1' } },
      { kubelet: { registerNode: false, providerID: 'x://1' } },
    ],
    ['boolean flags', { flags: { serializeImagePulls: 'true' } }, { maxParallelPulls: 1 }],
    ['limited pulls', { file: `${kubelet}maxParallelImagePulls: 3` }, { maxParallelPulls: 3 }],
    ['no limit of processes', { file: `${kubelet}podPidsLimit: -1` }, { podPidsLimit: undefined }],
    ['a limit of processes', { flags: { podMaxPids: '100' } }, { podPidsLimit: 100 }],
    [
      'labels of the node',
      { flags: { nodeLabels: 'a=1, example.com/b=x,c=' } },
      { nodeLabels: { a: '1', 'example.com/b': 'x', c: '' } },
    ],
    [
      'no CPU quota',
      { file: `${kubelet}cpuCFSQuota: false\ncpuCFSQuotaPeriod: 5ms` },
      { cpuQuota: { enforce: false, periodMicros: 5_000 } },
    ],
    ['DOCKER_HOST', { env: { DOCKER_HOST: 'tcp://192.0.2.9:2375' } }, { dockerHost: 'tcp://192.0.2.9:2375' }],
    [
      'the file before DOCKER_HOST',
      { env: { DOCKER_HOST: 'tcp://192.0.2.9:2375' }, file: `${podwright}dockerHost: unix:///d.sock` },
      { dockerHost: 'unix:///d.sock' },
    ],
    [
      'the flag before DOCKER_HOST',
      { env: { DOCKER_HOST: 'tcp://192.0.2.9:2375' }, flags: { dockerHost: 'unix:///d.sock' } },
      { dockerHost: 'unix:///d.sock' },
    ],
    ['the host name in lower case', { hostname: ' VM-7.Example.ORG\n' }, { nodeName: 'vm-7.example.org' }],
    ['the override', { flags: { hostnameOverride: 'Other' } }, { nodeName: 'other' }],
    [
      'the log',
      { file: `${kubelet}logging: {format: json, verbosity: 0}`, flags: { v: '6' } },
      { log: { format: 'json', verbosity: 6 } },
    ],
    ['plugin directories', { flags: { cniBinDir: '/a,/b' } }, { cni: { ...defaults.cni, binDirs: ['/a', '/b'] } }],
  ])('follow %s', async (_, input, expected) => {
    const { config } = await load(input);
    expect({ ...config, ...expected }).toEqual(config);
  });

  it('come from all three documents', async () => {
    const file = `${kubelet}podCIDR: 192.0.2.0/24\n---\n# none\n---\n${kubeProxy}mode: nftables\n---\n${podwright}maxParallelStarts: 4\n`;
    const { config, notActedOn } = await load({ file });
    expect(config).toMatchObject({ podCidrs: ['192.0.2.0/24'], maxParallelStarts: 4, kubeProxy: { mode: 'nftables' } });
    expect(notActedOn).toEqual(['KubeProxyConfiguration']);
  });

  it('of kube-proxy come from the file of the join on a node of a cluster, unless the own file has them', async () => {
    const joined = `${kubeProxy}mode: ipvs`;
    expect((await loadJoined(joined)).config.proxyMode).toBe('ipvs');
    expect((await loadJoined(joined, {})).config.kubeProxy).toBeUndefined();
    expect((await loadJoined(undefined)).config.kubeProxy).toBeUndefined();
    expect((await loadJoined(joined, { ...node, config: path }, `${kubeProxy}mode: nftables`)).config.proxyMode).toBe(
      'nftables',
    );
  });

  it('warn of flags that the kubelet has declared obsolete, and of no other', async () => {
    const { warnings } = await load({ flags: { podManifestPath: '/a', podCidr: '192.0.2.0/24', rootDir: '/r' } });
    expect(warnings).toEqual([
      '--pod-manifest-path is deprecated in the kubelet: set staticPodPath in the file of --config',
    ]);
  });

  it('name the fields that change nothing yet', async () => {
    const { notActedOn } = await load({ file: `${kubelet}podCIDR: 192.0.2.0/24\nsystemCgroups: a\nport: 10250` });
    expect(notActedOn).toEqual(['systemCgroups']);
  });
});

/** The fields, in the order and with the zero values, that kubeadm 1.32 writes to /var/lib/kubelet/config.yaml. */
const kubeadm = `apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 0s
    cacheUnauthorizedTTL: 0s
cgroupDriver: systemd
clusterDNS:
- 192.0.2.10
clusterDomain: cluster.local
containerRuntimeEndpoint: ""
cpuManagerReconcilePeriod: 0s
crashLoopBackOff: {}
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 0s
imageMaximumGCAge: 0s
imageMinimumGCAge: 0s
kind: KubeletConfiguration
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
memorySwap: {}
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: -1s
`;

it("accepts kubeadm's file", async () => {
  const { config } = await load({ file: kubeadm });
  const given = { cgroupDriver: 'systemd', clusterDNS: ['192.0.2.10'], clusterDomain: 'cluster.local' } as const;
  expect({ ...config, kubelet: {} }).toEqual({ ...defaults, ...given, log: { format: undefined, verbosity: 0 } });
});

describe('problems', () => {
  it.each<[string, Input, readonly string[]]>([
    ['an unknown field', { file: `${kubelet}maxPod: 1` }, [`${path}:3: maxPod: unknown field`]],
    [
      'an unknown field inside',
      { file: `${kubelet}authentication:\n  x509:\n    caFile: /x` },
      [`${path}:5: authentication.x509.caFile: unknown field`],
    ],
    [
      'a wrong type',
      { file: `${kubelet}clusterDNS:\n- 192.0.2.1\n- 5` },
      [`${path}:5: clusterDNS[1]: Invalid input: expected string, received number`],
    ],
    [
      'a wrong duration',
      { file: `${kubelet}syncFrequency: 1 minute` },
      [`${path}:3: syncFrequency: must be a duration such as 20s or 1m30s, not "1 minute"`],
    ],
    [
      'a negative duration',
      { file: `${kubelet}syncFrequency: -1s` },
      [`${path}:3: syncFrequency: must not be negative`],
    ],
    [
      'a wrong quantity',
      { file: `${kubelet}containerLogMaxSize: 10 MB` },
      [`${path}:3: containerLogMaxSize: must be a quantity such as 10Mi, not "10 MB"`],
    ],
    [
      'an unknown kind',
      { file: 'apiVersion: v1\nkind: Pod' },
      [`${path}:2: kind: must be one of KubeletConfiguration, KubeProxyConfiguration, PodwrightConfiguration`],
    ],
    [
      'a kind that every object has',
      { file: 'apiVersion: v1\nkind: toString' },
      [`${path}:2: kind: must be one of KubeletConfiguration, KubeProxyConfiguration, PodwrightConfiguration`],
    ],
    [
      'a second document',
      { file: `${kubelet}---\n${kubelet}` },
      [`${path}:4: kind: a second KubeletConfiguration: there may be one`],
    ],
    [
      'a value that others forbid, with its line',
      { file: `${kubelet}maxPods: 1\ncrashLoopBackOff:\n  maxContainerRestartPeriod: 10m` },
      [`${path}:5: crashLoopBackOff.maxContainerRestartPeriod: must be between 1s and 300s`],
    ],
    [
      'too few log files',
      { file: `${kubelet}containerLogMaxFiles: 1` },
      [`${path}:3: containerLogMaxFiles: must be greater than 1`],
    ],
    [
      'serial pulls in parallel',
      { file: `${kubelet}serializeImagePulls: true\nmaxParallelImagePulls: 2` },
      [`${path}:4: maxParallelImagePulls: must not be greater than 1 while serializeImagePulls is true`],
    ],
    [
      'two networks of a family',
      { flags: { podCidr: '192.0.2.0/25,192.0.2.128/25' } },
      ['--pod-cidr: "192.0.2.0/25,192.0.2.128/25" must be one network such as 203.0.113.0/24, or one of each family'],
    ],
    [
      'a host name that is no node name',
      { hostname: 'my_host' },
      ['host name: node name "my_host" is no DNS subdomain (RFC 1123): give another with --hostname-override'],
    ],
    [
      'Docker over SSH',
      { env: { DOCKER_HOST: 'ssh://me@host' } },
      ['DOCKER_HOST: "ssh://me@host" must be unix:///path or tcp://host:port'],
    ],
    [
      'flags',
      { flags: { maxPods: '1x', cgroupDriver: 'foo', loggingFormat: 'xml', v: '-1' } },
      [
        '--max-pods: Invalid input: expected number, received string',
        '--cgroup-driver: Invalid option: expected one of ""|"cgroupfs"|"systemd"',
        '--logging-format: must be json or text, not "xml"',
        '-v: must be a number of 0 or more, not "-1"',
      ],
    ],
    [
      'taints',
      {
        file: `${kubelet}registerWithTaints:\n  - {key: a, effect: NoSchedule}\n  - {key: b, value: c, effect: Never}`,
      },
      [
        `${path}:5: registerWithTaints[1]: taint "b=c:Never" must have the effect NoSchedule, PreferNoSchedule, NoExecute`,
      ],
    ],
    [
      'taints of flags',
      { flags: { registerWithTaints: 'a:NoSchedule,a=b:NoSchedule' } },
      ['--register-with-taints: two taints have the same key and effect'],
    ],
    [
      'all at once: documents and flags',
      { file: `${kubelet}foo: 1\nport: x\n---\n${podwright}bar: 1`, flags: { fileCheckFrequency: 'soon' } },
      [
        `${path}:4: port: Invalid input: expected number, received string`,
        `${path}:3: foo: unknown field`,
        `${path}:8: bar: unknown field`,
        '--file-check-frequency: must be a duration such as 20s or 1m30s, not "soon"',
      ],
    ],
  ])('%s', async (_, input, expected) => expect(await problems(input)).toEqual(expected));

  it('the file of a join', async () => {
    await expect(loadJoined(`${kubeProxy}foo: 1`)).rejects.toThrow(
      '/r/podwright/kube-proxy.yaml:3: foo: unknown field',
    );
  });

  it('a file that cannot be read', async () => {
    const readFile = (): Promise<string> => Promise.reject(new Error('ENOENT: no such file'));
    const loading = loadConfig({ config: '/none' }, { readFile, env: {}, hostname: 'n', cwd: '/' });
    await expect(loading).rejects.toThrow(
      new ConfigError([{ origin: '/none', message: 'cannot be read: ENOENT: no such file' }]),
    );
  });

  it('of any text are ConfigErrors', async () => {
    const line = fc.constantFrom(
      'a: [',
      '- x',
      '---',
      'port: 1',
      'kind: KubeletConfiguration',
      '{',
      '\t',
      '"',
      '&a *a',
      'x: !!binary y',
      '? ',
      'null',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(line, { maxLength: 12 }).map((lines) => kubelet + lines.join('\n')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (file) => {
        expect(await problems({ file })).toBeInstanceOf(Array);
      }),
      { numRuns: 300 },
    );
  });
});
