import type { NodeResources } from '../node/allocatable.ts';
import { podRequests } from '../objects/pod-resources.ts';
import { amountOf, cpuMillis, type ResourceList } from '../objects/resource-list.ts';
import type { Pod } from '../objects/types.ts';
import type { Shortage } from './types.ts';

/**
 * Resources that a pod asks for and the node has too little left of (`fitsRequest`,
 * pkg/scheduler/framework/plugins/noderesources/fit.go). What is not requested cannot be short, even on a node that has
 * given away more than it has.
 */
export function shortages(pod: Pod, others: readonly Pod[], allocatable: NodeResources): readonly Shortage[] {
  const requests = podRequests(pod);
  const taken = others.map(podRequests);
  const names = ['cpu', 'memory', 'ephemeral-storage', ...[...requests.keys()].filter(isHugepages)];
  const compared = names.map((resource) => ({
    resource,
    requested: requestOf(requests, resource),
    used: taken.reduce((sum, other) => sum + requestOf(other, resource), 0),
    capacity: capacityOf(allocatable, resource),
  }));
  return [{ resource: 'pods', requested: 1, used: others.length, capacity: allocatable.pods }, ...compared].filter(
    ({ requested, used, capacity }) => requested > 0 && requested > capacity - used,
  );
}

/** A request in the units of {@link Shortage}. */
export function requestOf(requests: ResourceList, resource: string): number {
  return resource === 'cpu' ? cpuMillis(requests) : amountOf(requests, resource);
}

/**
 * Resources that a node can have from elsewhere (`example.com/gpu`) and does not have are not counted, as in the kubelet
 * (`removeMissingExtendedResources`). Huge pages are the kernel's: what is not there is short.
 */
function isHugepages(resource: string): boolean {
  return resource.startsWith('hugepages-');
}

function capacityOf(node: NodeResources, resource: string): number {
  switch (resource) {
    case 'cpu':
      return node.cpuMillis;
    case 'memory':
      return node.memoryBytes;
    case 'ephemeral-storage':
      return node.ephemeralStorageBytes;
    default:
      return node.hugepages[resource] ?? 0;
  }
}
