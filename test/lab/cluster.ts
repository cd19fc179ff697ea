import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterCalls, waitForServiceAccount, type ClusterCalls } from './cluster-calls.ts';
import {
  clusterControl,
  controlPlaneProcesses,
  type ClusterControl,
  type ControlPlaneArgs,
} from './cluster-control.ts';
import type { ClusterSettings } from './cluster-flags.ts';
import { renderKubeconfig } from './cluster-kubeconfig.ts';
import { clusterObjects } from './cluster-objects.ts';
import { createPki, type Pki } from './cluster-pki.ts';
import { clusterPrograms } from './cluster-programs.ts';
import { bridgeNamespace, type HostNames } from './names.ts';
import { createHostNetwork } from './network.ts';
import { createOwned } from './owned.ts';
import { until } from './wait.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface ClusterOptions extends Partial<ClusterSettings>, ControlPlaneArgs {
  /** Over the fields of the KubeletConfiguration in the ConfigMaps `kubelet-config` and `kubelet-config-1.20`. */
  readonly kubeletConfiguration?: Fields;
  /** Over the fields of the KubeProxyConfiguration in the ConfigMap `kube-proxy`. */
  readonly kubeProxyConfiguration?: Fields;
}

/** A control plane of Kubernetes 1.20.2, set up as kubeadm does, on the network between the hosts of a run. */
export interface Cluster
  extends ClusterSettings, ClusterCalls, ClusterControl, Pick<Pki, 'ca' | 'caFile' | 'caKeyFile' | 'caCertHash'> {
  /** `https://<host>:<port>` of the API server. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly dir: string;
  /** Network namespace of the control plane, in which {@link ClusterCalls.kubectl} runs. */
  readonly netns: string;
  /** Path of a kubeconfig of group system:masters. */
  readonly adminKubeconfig: string;
  /** Valid for 24 hours. */
  readonly bootstrapToken: string;
  /** @returns path of a kubeconfig with a client certificate for `system:node:<name>`, signed by the CA */
  readonly createNodeKubeconfig: (name: string) => Promise<string>;
  /** @returns path of a kubeconfig with a client certificate for that user */
  readonly createKubeconfig: (user: string, groups?: readonly string[]) => Promise<string>;
  /** Puts another certificate of the API server in the place of the first; it takes effect when that is started again. */
  readonly renewServingCertificate: () => Promise<void>;
  /** Removes the cluster and everything in it. May be repeated. */
  readonly remove: () => void;
}

const port = 6443;
const dayMs = 24 * 60 * 60 * 1000;

/**
 * Starts a control plane and waits until it is ready: the API server, the signature of cluster-info, the service account
 * that pods need. As a test host, it is gone at the end, whatever happens.
 */
export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
  return createOwned(async (names, remove) => ({ ...(await assemble(names, options)), remove }));
}

async function assemble(names: HostNames, options: ClusterOptions): Promise<Omit<Cluster, 'remove'>> {
  const { dir, netns } = names;
  const settings = settingsOf(options);
  const programs = await clusterPrograms();
  mkdirSync(dir, { recursive: true });
  const { address: host } = await createHostNetwork(names, bridgeNamespace(names.run));
  const url = `https://${host}:${port}`;
  const pki = await createControlPlanePki(join(dir, 'pki'));
  const saveServingCertificate = async (): Promise<void> => {
    const names = apiServerNames(host, firstAddress(settings.serviceCidr));
    pki.save('apiserver', await pki.server('kube-apiserver', names));
  };
  await saveServingCertificate();
  const createKubeconfig = kubeconfigWriter(dir, url, pki);
  const adminKubeconfig = await createKubeconfig('kubernetes-admin', ['system:masters']);
  const processes = controlPlaneProcesses(
    {
      ...{ plane: { dir, address: host, port, pki }, netns, programs, settings },
      controllerManagerKubeconfig: await createKubeconfig('system:kube-controller-manager'),
      schedulerKubeconfig: await createKubeconfig('system:kube-scheduler'),
    },
    options,
  );
  const calls = clusterCalls({ kubectl: programs.kubectl, dir, netns, adminKubeconfig });
  const control = clusterControl(processes, calls);

  await control.startEtcd();
  await control.startApiServer();
  await createObjects(calls, { ...settings, url, ca: pki.ca }, options);
  control.startControllerManager();
  control.startScheduler();
  const bootstrapToken = await calls.createToken({ ttlMs: dayMs });
  await waitForServiceAccount(calls, control.describe);

  const { caFile, caKeyFile, ca, caCertHash } = pki;
  return {
    ...{ ...settings, ...calls, ...control },
    ...{ url, host, port, dir, netns, caFile, caKeyFile, ca, caCertHash, adminKubeconfig, bootstrapToken },
    createKubeconfig,
    renewServingCertificate: saveServingCertificate,
    createNodeKubeconfig: async (name) => createKubeconfig(`system:node:${name}`, ['system:nodes']),
  };
}

function settingsOf(options: ClusterOptions): ClusterSettings {
  return {
    serviceCidr: options.serviceCidr ?? '192.0.2.128/25',
    podCidr: options.podCidr ?? '203.0.113.0/24',
    nodeCidrMaskSize: options.nodeCidrMaskSize ?? 27,
    allocateNodeCidrs: options.allocateNodeCidrs ?? true,
    nodeMonitorGracePeriodSeconds: options.nodeMonitorGracePeriodSeconds ?? 40,
    clientCertificateSeconds: options.clientCertificateSeconds ?? dayMs / 1000,
  };
}

function apiServerNames(host: string, serviceAddress: string): readonly string[] {
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  return [...service, 'kubernetes.default.svc.cluster.local', 'localhost', host, serviceAddress, '127.0.0.1'];
}

async function createControlPlanePki(directory: string): Promise<Pki> {
  const pki = await createPki(directory);
  const client = await pki.client('kube-apiserver-kubelet-client', ['system:masters']);
  pki.save('apiserver-kubelet-client', client);
  const frontProxy = await createPki(join(directory, 'front-proxy'));
  frontProxy.save('client', await frontProxy.client('front-proxy-client'));
  return pki;
}

function kubeconfigWriter(dir: string, url: string, pki: Pki): Cluster['createKubeconfig'] {
  return async (user, groups = []) => {
    const path = join(dir, `${user.replaceAll(':', '-')}.conf`);
    writeFileSync(path, renderKubeconfig(url, pki.ca, user, await pki.client(user, groups)), { mode: 0o600 });
    return path;
  };
}

/** The API server makes the namespaces some time after it is ready. */
async function createObjects(
  { get, apply }: ClusterCalls,
  facts: ClusterSettings & { readonly url: string; readonly ca: string },
  { kubeletConfiguration = {}, kubeProxyConfiguration = {} }: ClusterOptions,
): Promise<void> {
  for (const namespace of ['kube-public', 'kube-system']) {
    const find = async (): Promise<boolean> => (await get(`/api/v1/namespaces/${namespace}`)) !== undefined;
    await until(`namespace ${namespace}`, 60_000, find, { intervalMs: 200 });
  }
  const clusterDns = addressAt(facts.serviceCidr, 10);
  await apply(...clusterObjects({ ...facts, clusterDns, kubeletConfiguration, kubeProxyConfiguration }));
}

/** Of the Service `kubernetes`. */
function firstAddress(cidr: string): string {
  return addressAt(cidr, 1);
}

/** The nth address of an IPv4 range that does not pass an octet's end. */
function addressAt(cidr: string, index: number): string {
  const octets = cidr.replace(/\/.*/, '').split('.').map(Number);
  return [...octets.slice(0, 3), (octets[3] ?? 0) + index].join('.');
}
