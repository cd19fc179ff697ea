import type { INode } from 'kubernetes-models/v1';
import type { INodeSpec } from 'kubernetes-models/v1/NodeSpec';
import type { INodeStatus } from 'kubernetes-models/v1/NodeStatus';
import type { INodeSystemInfo } from 'kubernetes-models/v1/NodeSystemInfo';
import type { NodeResources } from '../allocatable.ts';
import type { NodeCondition } from './conditions.ts';

export type Taint = NonNullable<INodeSpec['taints']>[number];
export type NodeStatus = INodeStatus;
export type SystemInfo = INodeSystemInfo;

/** What the node is, apart from what becomes of it. */
export interface NodeIdentity {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `--register-with-taints`. */
  readonly taints: readonly Taint[];
  readonly providerId: string | undefined;
}

/** What the node's status is made of. */
export interface NodeStatusFacts {
  /** Primary first. */
  readonly addresses: readonly string[];
  readonly hostname: string;
  readonly capacity: NodeResources;
  readonly allocatable: NodeResources;
  readonly systemInfo: SystemInfo;
  readonly images: readonly NodeImage[];
  /** Of the kubelet's API. */
  readonly port: number;
}

export interface NodeImage {
  /** Tags and digests. */
  readonly names: readonly string[];
  readonly sizeBytes: number;
}

/** `maxNamesPerImageInNodeStatus` and the default of `nodeStatusMaxImages`. */
const maxNames = 5;
const maxImages = 50;

/** The object that registers the node (`initialNode`, pkg/kubelet/kubelet_node_status.go). */
export function renderNode(identity: NodeIdentity, status: NodeStatus): INode {
  const { name, labels, taints, providerId } = identity;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { ...labels },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: {
      ...(providerId === undefined ? {} : { providerID: providerId }),
      ...(taints.length === 0 ? {} : { taints: [...taints] }),
    },
    status,
  };
}

export function renderNodeStatus(facts: NodeStatusFacts, conditions: readonly NodeCondition[]): NodeStatus {
  return {
    capacity: renderResources(facts.capacity),
    allocatable: renderResources(facts.allocatable),
    conditions: [...conditions],
    addresses: [
      ...facts.addresses.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: facts.hostname },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    nodeInfo: facts.systemInfo,
    images: [...facts.images]
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, maxImages)
      .map(({ names, sizeBytes }) => ({ names: names.slice(0, maxNames), sizeBytes })),
  };
}

/** Quantities in the forms of the kubelet's: cores or millicores, Ki of memory, bytes of ephemeral storage. */
function renderResources(resources: NodeResources): Record<string, string> {
  const { cpuMillis, memoryBytes, ephemeralStorageBytes, pods, hugepages } = resources;
  return {
    cpu: cpuMillis % 1000 === 0 ? String(cpuMillis / 1000) : `${cpuMillis}m`,
    memory: `${Math.floor(memoryBytes / 1024)}Ki`,
    'ephemeral-storage': String(ephemeralStorageBytes),
    ...Object.fromEntries(Object.entries(hugepages).map(([name, bytes]) => [name, String(bytes)])),
    pods: String(pods),
  };
}
