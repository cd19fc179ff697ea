import { isIP } from 'node:net';
import type { ClusterNodes, PeerNode } from '../../cni/index.ts';
import type { ApiObject } from '../api/index.ts';
import type { Config } from '../config/index.ts';

interface NodeFields {
  readonly spec?: { readonly podCIDR?: unknown; readonly podCIDRs?: unknown };
  readonly status?: { readonly addresses?: unknown };
}

/** What the pod network needs of a Node: its pods' ranges, and its first InternalIP of each family. */
export function peerOf(node: ApiObject): PeerNode {
  const { spec = {}, status = {} } = node as NodeFields;
  const podCidrs = strings(spec.podCIDRs);
  const addresses = list(status.addresses).flatMap((entry) => {
    const { type, address } = entry as { type?: unknown; address?: unknown };
    return type === 'InternalIP' && typeof address === 'string' && isIP(address) !== 0 ? [address] : [];
  });
  return {
    name: node.metadata.name,
    podCidrs: podCidrs.length > 0 ? podCidrs : strings([spec.podCIDR]),
    nodeIps: [4, 6].flatMap((family) => addresses.find((address) => isIP(address) === family) ?? []),
  };
}

/** @param nodes also this one, which is no peer of itself */
export function clusterNodes(
  { nodeName, kubeProxy }: Pick<Config, 'nodeName' | 'kubeProxy'>,
  nodeIps: readonly string[],
  nodes: readonly PeerNode[],
): ClusterNodes {
  const clusterCidrs = kubeProxy?.clusterCIDR?.split(',').map((cidr) => cidr.trim()) ?? [];
  return { nodeIps, peers: nodes.filter(({ name }) => name !== nodeName), clusterCidrs };
}

/** The nodes that were written down for a restart; those of another form are left out. */
export function readPeers(text: string): readonly PeerNode[] {
  return list(JSON.parse(text)).flatMap((entry) => {
    const { name, podCidrs, nodeIps } = entry as { name?: unknown; podCidrs?: unknown; nodeIps?: unknown };
    return typeof name === 'string' ? [{ name, podCidrs: strings(podCidrs), nodeIps: strings(nodeIps) }] : [];
  });
}

const list = (value: unknown): readonly object[] =>
  Array.isArray(value) ? value.filter((one): one is object => typeof one === 'object' && one !== null) : [];
const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string' && one !== '') : [];
