import { isForbidden, isNotFound } from '../api/errors.ts';
import { type ApiClient, resources } from '../api/types.ts';
import { JoinError } from './error.ts';

/**
 * The cluster's KubeletConfiguration as kubeadm keeps it, as YAML. Up to 1.23 the ConfigMap has the minor version in its
 * name, and a joining node may read none but the one that there is (`cmd/kubeadm/app/phases/kubelet/config.go`).
 *
 * @throws JoinError
 */
export async function readKubeletConfig(api: ApiClient, signal: AbortSignal): Promise<string> {
  const names = kubeletConfigNames(await api.raw('/version', signal));
  for (const name of names) {
    const text = (await readConfigMap(api, name, signal))?.['kubelet'];
    if (text !== undefined) return text;
  }
  throw new JoinError(
    `no ConfigMap with the kubelet's configuration in kube-system can be read (tried ${names.join(', ')})`,
    'on a control-plane node: kubeadm init phase upload-config kubelet',
  );
}

/** Configuration of kube-proxy as YAML; undefined where the cluster has none, or a joining node may not read it. */
export async function readKubeProxyConfig(api: ApiClient, signal: AbortSignal): Promise<string | undefined> {
  return (await readConfigMap(api, 'kube-proxy', signal))?.['config.conf'];
}

/** How many minor versions the control plane may be ahead of the ConfigMap, in the middle of an upgrade or after a sloppy one. */
const olderVersions = 3;

/** @param version answer to `GET /version`; its `minor` is `20`, or `20+` of some vendors */
export function kubeletConfigNames(version: string): readonly string[] {
  const { major, minor } = JSON.parse(version) as { readonly major?: string; readonly minor?: string };
  const newest = Number.parseInt(minor ?? '', 10);
  if (Number.isNaN(newest)) return ['kubelet-config'];
  const minors = Array.from({ length: olderVersions + 1 }, (_, age) => newest - age).filter((each) => each >= 0);
  return ['kubelet-config', ...minors.map((each) => `kubelet-config-${major ?? '1'}.${each}`)];
}

async function readConfigMap(
  api: ApiClient,
  name: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    const { data } = await api.get(resources.configMaps, { namespace: 'kube-system', name }, signal);
    return (data ?? {}) as Readonly<Record<string, string>>;
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) return undefined;
    throw error;
  }
}
