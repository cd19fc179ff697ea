import type { PluginRequest } from '../plugin.ts';
import { encodeResult } from '../spec/result.ts';
import type { PluginConfig } from '../spec/types.ts';

export type CniCommand = 'ADD' | 'DEL' | 'CHECK' | 'GC';

/** Environment of a plugin (spec section 2, "Parameters"). */
export function renderEnvironment(
  command: CniCommand,
  request: Pick<PluginRequest, 'containerId' | 'ifName' | 'netns' | 'pod'> | undefined,
  binDirs: readonly string[],
): Record<string, string> {
  const environment = { CNI_COMMAND: command, CNI_PATH: binDirs.join(':') };
  if (request === undefined) return environment;
  const { containerId, ifName, netns, pod } = request;
  return {
    ...environment,
    CNI_CONTAINERID: containerId,
    CNI_IFNAME: ifName,
    CNI_NETNS: netns ?? '',
    CNI_ARGS: [
      'IgnoreUnknown=1',
      `K8S_POD_NAMESPACE=${pod.namespace}`,
      `K8S_POD_NAME=${pod.name}`,
      `K8S_POD_INFRA_CONTAINER_ID=${containerId}`,
      `K8S_POD_UID=${pod.uid}`,
    ].join(';'),
  };
}

/** Configuration of one plugin on its standard input (spec section 3, "Deriving execution configuration"). */
export function renderConfig(request: PluginRequest): string {
  const { config, cniVersion, network, prevResult } = request;
  const runtimeConfig = renderRuntimeConfig(config, request);
  return JSON.stringify({
    ...withoutCapabilities(config),
    cniVersion,
    name: network,
    ...(runtimeConfig === undefined ? {} : { runtimeConfig }),
    ...(prevResult === undefined ? {} : { prevResult: encodeResult(prevResult, cniVersion) }),
  });
}

/** Configuration of a GC (spec 1.1): the attachments that are still there. */
export function renderGcConfig(
  config: PluginConfig,
  cniVersion: string,
  network: string,
  valid: readonly { readonly containerID: string; readonly ifname: string }[],
): string {
  return JSON.stringify({
    ...withoutCapabilities(config),
    cniVersion,
    name: network,
    'cni.dev/valid-attachments': valid,
  });
}

/** Capabilities are for the runtime; the plugin gets `runtimeConfig` instead. */
function withoutCapabilities(config: PluginConfig): object {
  return Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'capabilities'));
}

function renderRuntimeConfig(config: PluginConfig, { portMappings }: PluginRequest): object | undefined {
  if (config.capabilities?.['portMappings'] !== true || portMappings.length === 0) return undefined;
  return {
    portMappings: portMappings.map(({ hostPort, containerPort, protocol, hostIp }) => ({
      hostPort,
      containerPort,
      protocol: protocol.toLowerCase(),
      ...(hostIp === '' ? {} : { hostIP: hostIp }),
    })),
  };
}
