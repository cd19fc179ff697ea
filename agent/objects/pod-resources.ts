import { addResources, maxResources, overrideResources, readResourceList, type ResourceList } from './resource-list.ts';
import type { Container, Pod } from './types.ts';

/*
 * What a pod as a whole asks for (`staging/src/k8s.io/component-helpers/resource/helpers.go`). Init containers run one
 * after the other, before the others and beside the sidecars that were started before them; so the pod needs the
 * greater of
 *
 *   app containers + all sidecars
 *   the greediest init container + the sidecars before it
 *
 * Resources of the pod level (KEP-2837) replace these sums; the overhead of a runtime class is added to both.
 */

type Which = 'requests' | 'limits';

/** An init container that goes on running beside the app containers (KEP-753). */
export function isSidecar(container: Pick<Container, 'restartPolicy'>): boolean {
  return container.restartPolicy === 'Always';
}

/** The pod's requests as admission and the pod's cgroup count them (`PodRequests`). */
export function podRequests(pod: Pod): ResourceList {
  return addResources(
    overrideResources(sumOfContainers(pod, 'requests'), podLevelRequests(pod)),
    readResourceList(pod.spec.overhead),
  );
}

/** The pod's limits; a resource that some container does not limit is in the list all the same (`PodLimits`). */
export function podLimits(pod: Pod): ResourceList {
  const limits = overrideResources(sumOfContainers(pod, 'limits'), podLevelLimits(pod));
  const overhead = [...readResourceList(pod.spec.overhead)].filter(([name]) => (limits.get(name) ?? 0n) > 0n);
  return addResources(limits, new Map(overhead));
}

/** What the containers request together, whatever the pod level says (`AggregateContainerRequests`). */
export function containerRequests(pod: Pod): ResourceList {
  return sumOfContainers(pod, 'requests');
}

/**
 * Requests of the pod level. What has a limit there and no request is requested as the containers do together, or else up to
 * that limit, as the API server defaults it (`defaultPodRequests`, pkg/apis/core/v1/defaults.go).
 */
export function podLevelRequests(pod: Pod): ResourceList {
  const limits = podLevelLimits(pod);
  const requests = supported(readResourceList(pod.spec.resources?.requests));
  const asked = supported(sumOfContainers(pod, 'requests'));
  const defaults = [...limits].map(([name, limit]): [string, bigint] => [name, asked.get(name) ?? limit]);
  return overrideResources(new Map(defaults), requests);
}

export function podLevelLimits(pod: Pod): ResourceList {
  return supported(readResourceList(pod.spec.resources?.limits));
}

/** CPU, memory and huge pages can be given to a pod as a whole (`IsSupportedPodLevelResource`). */
function supported(list: ResourceList): ResourceList {
  return new Map([...list].filter(([name]) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-')));
}

function sumOfContainers(pod: Pod, which: Which): ResourceList {
  const running = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)];
  return maxResources(addResources(...running.map((container) => read(container, which))), peakOfInit(pod, which));
}

function peakOfInit(pod: Pod, which: Which): ResourceList {
  let sidecars: ResourceList = new Map();
  let peak: ResourceList = new Map();
  for (const container of pod.spec.initContainers ?? []) {
    const together = addResources(sidecars, read(container, which));
    if (isSidecar(container)) sidecars = together;
    peak = maxResources(peak, together);
  }
  return peak;
}

function read(container: Container, which: Which): ResourceList {
  return readResourceList(container.resources[which]);
}
