import type { IPod, IPodSpec } from 'kubernetes-models/v1';
import { or } from './default-text.ts';
import { defaultContainer } from './defaults-container.ts';
import { defaultVolume } from './defaults-volume.ts';
import type { EphemeralContainer, Pod, PodSpec } from './types.ts';

/*
 * What the API server fills in (`pkg/apis/core/v1/defaults.go`), and beyond that empty lists and maps, so that readers need not ask
 * whether they are there.
 */

/** A pod with every default in its place. The input is not changed. */
export function defaultPod(pod: IPod): Pod {
  const metadata = pod.metadata ?? {};
  return {
    ...pod,
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      name: metadata.name ?? '',
      namespace: or(metadata.namespace, 'default'),
      uid: metadata.uid ?? '',
      labels: { ...metadata.labels },
      annotations: { ...metadata.annotations },
    },
    spec: defaultSpec(pod.spec ?? { containers: [] }),
  };
}

function defaultSpec(given: IPodSpec): PodSpec {
  const { initContainers, ephemeralContainers, ...spec } = given;
  const hostNetwork = spec.hostNetwork === true;
  return {
    ...spec,
    containers: (spec.containers ?? []).map((one) => defaultContainer(one, hostNetwork)),
    ...(initContainers === undefined
      ? {}
      : { initContainers: initContainers.map((one) => defaultContainer(one, hostNetwork)) }),
    ...(ephemeralContainers === undefined
      ? {}
      : { ephemeralContainers: ephemeralContainers.map((one): EphemeralContainer => defaultContainer(one, false)) }),
    volumes: (spec.volumes ?? []).map(defaultVolume),
    restartPolicy: or(spec.restartPolicy, 'Always'),
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    dnsPolicy: or(spec.dnsPolicy, 'ClusterFirst'),
    ...defaultServiceAccount(spec),
    nodeName: spec.nodeName ?? '',
    schedulerName: or(spec.schedulerName, 'default-scheduler'),
    securityContext: spec.securityContext ?? {},
    enableServiceLinks: spec.enableServiceLinks ?? true,
  };
}

/** `serviceAccount` is the old name of the field (`pkg/apis/core/v1/conversion.go`). */
function defaultServiceAccount(spec: IPodSpec): Pick<PodSpec, 'serviceAccountName'> {
  const name = or(spec.serviceAccountName, spec.serviceAccount ?? '');
  return name === '' ? {} : { serviceAccountName: name };
}
