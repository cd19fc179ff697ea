import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { manifestFiles } from '../../../agent/control-plane/manifests/files-plan.ts';
import { adminObjects, bootstrapObjects } from '../../../agent/control-plane/objects/bootstrap-render.ts';
import { configObjects, proxyObjects } from '../../../agent/control-plane/objects/configuration-render.ts';
import { dnsObjects } from '../../../agent/control-plane/objects/dns-render.ts';
import { renderYaml } from '../../../agent/control-plane/manifests/pod-render.ts';
import type { InitSettings } from '../../../agent/control-plane/settings.ts';
import { settingsOf } from './settings.ts';

const reference = (name: string): string =>
  fileURLToPath(new URL(`../../../manifests/control-plane/${name}`, import.meta.url));
const settings = settingsOf({ podNetworkCidr: '10.244.0.0/16' });

interface Pod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly containers: readonly Container[]; readonly volumes: readonly { readonly name: string }[] };
}

interface Container {
  readonly command: readonly string[];
  readonly livenessProbe: { readonly httpGet: { readonly path: string } };
  readonly readinessProbe?: object;
}

function pod(name: string, given: InitSettings): Pod {
  const file = manifestFiles(given, { caDirectories: [] }).find(({ path }) => path.endsWith(`/${name}.yaml`));
  return parse(file?.content ?? '') as Pod;
}

const container = (name: string, given: InitSettings): Container => {
  const [only] = pod(name, given).spec.containers;
  if (only === undefined) throw new Error(`no container in ${name}`);
  return only;
};

/** `manifests/control-plane` shows what a control plane with the defaults is: `vitest -u` renews it. */
describe('manifests/control-plane', () => {
  it.each(manifestFiles(settings, { caDirectories: [] }).map(({ path, content }) => [path.split('/').at(-1), content]))(
    '%s is what podwright init writes',
    async (name = '', content = '') => {
      await expect(content).toMatchFileSnapshot(reference(name));
    },
  );

  it('has the objects that it creates', async () => {
    const objects = [
      ...adminObjects(settings),
      ...bootstrapObjects(),
      ...configObjects(settings),
      ...proxyObjects(settings),
      ...dnsObjects(settings),
    ];
    await expect(objects.map(renderYaml).join('---\n')).toMatchFileSnapshot(reference('objects.yaml'));
  });
});

describe('a static pod', () => {
  it.each([
    ['v1.20.2', 'kube-apiserver', ['--insecure-port=0'], []],
    ['v1.24.0', 'kube-apiserver', [], ['--insecure-port=0']],
    ['v1.22.0', 'kube-scheduler', ['--port=0'], []],
    ['v1.23.0', 'kube-scheduler', [], ['--port=0']],
    ['v1.33.0', 'etcd', ['--experimental-initial-corrupt-check=true'], ['--feature-gates=InitialCorruptCheck=true']],
    ['v1.34.0', 'etcd', ['--feature-gates=InitialCorruptCheck=true'], ['--experimental-initial-corrupt-check=true']],
  ])('of %s: %s has the flags of that release', (kubernetesVersion, name, there, absent) => {
    const { command } = container(name, settingsOf({ kubernetesVersion }));
    expect(command).toEqual(expect.arrayContaining(there));
    expect(command.filter((flag) => (absent as readonly string[]).includes(flag))).toEqual([]);
  });

  it.each([
    ['v1.21.0', '/health'],
    ['v1.32.0', '/health?exclude=NOSPACE&serializable=true'],
    ['v1.33.0', '/livez'],
  ])('of %s: etcd is asked at %s', (kubernetesVersion, path) => {
    expect(container('etcd', settingsOf({ kubernetesVersion })).livenessProbe.httpGet.path).toBe(path);
  });

  it.each(Array.from({ length: 20 }, (_, index) => `v1.${20 + index}.0`))(
    'of %s: etcd has flags that its own release knows',
    (kubernetesVersion) => {
      const given = settingsOf({ kubernetesVersion });
      const knowsExperiments = !given.images.etcd.includes('etcd:3.6');
      const { command } = container('etcd', given);
      expect(command.includes('--watch-progress-notify-interval=5s')).toBe(!knowsExperiments);
      expect(knowsExperiments || !command.some((flag) => flag.startsWith('--experimental'))).toBe(true);
    },
  );

  it('has what the configuration file adds, and its flags in the place of those of the same name', () => {
    const file = `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer:
  extraArgs: [{ name: authorization-mode, value: AlwaysAllow }, { name: audit-log-path, value: /audit/log }]
  extraVolumes: [{ name: audit, hostPath: /var/log/audit, mountPath: /audit, pathType: DirectoryOrCreate }]
`;
    const given = settingsOf({}, file);
    const { command } = container('kube-apiserver', given);
    expect(command.filter((flag) => /auth.*-mode|audit/.test(flag))).toEqual([
      '--audit-log-path=/audit/log',
      '--authorization-mode=AlwaysAllow',
    ]);
    expect(command.slice(1)).toEqual(command.slice(1).toSorted());
    const volumes = pod('kube-apiserver', given).spec.volumes.map(({ name }) => name);
    expect(volumes).toEqual(['audit', 'ca-certs', 'k8s-certs']);
  });

  it('speaks IPv6 where the node does', () => {
    const given = settingsOf({ apiserverAdvertiseAddress: '2001:db8::10', serviceCidr: '2001:db8:1::/112' });
    expect(container('kube-apiserver', given).command).toContain('--etcd-servers=https://[::1]:2379');
    expect(container('etcd', given).command).toContain('--listen-peer-urls=https://[2001:db8::10]:2380');
    expect(pod('kube-apiserver', given).metadata.annotations).toEqual({
      'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': '[2001:db8::10]:6443',
    });
  });
});
