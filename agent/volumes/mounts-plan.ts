import { posix } from 'node:path';
import type { Container, VolumeMount } from '../objects/types.ts';
import type { Mount } from '../runtime/types.ts';
import type { PreparedVolume } from './prepare.ts';

/** `mountPropagation` of a volume mount, as runtimes name it (`kubelet_pods.go`, translateMountPropagation). */
const PROPAGATION: ReadonlyMap<string, Mount['propagation']> = new Map<string, Mount['propagation']>([
  ['None', 'private'],
  ['HostToContainer', 'rslave'],
  ['Bidirectional', 'rshared'],
]);

/**
 * The mounts of a container's `volumeMounts`, in their order.
 *
 * @throws Error when a mount names a volume that the pod does not have, or asks for what is not supported
 */
export function mountsFor(container: Container, volumes: ReadonlyMap<string, PreparedVolume>): readonly Mount[] {
  return container.volumeMounts.map((mount) => mountOf(mount, container.name, volumes));
}

function mountOf(mount: VolumeMount, container: string, volumes: ReadonlyMap<string, PreparedVolume>): Mount {
  const what = `container ${JSON.stringify(container)}: volumeMount of ${JSON.stringify(mount.name)}`;
  const volume = volumes.get(mount.name);
  if (volume === undefined) throw new Error(`${what}: the pod has no volume of this name`);
  // To leave it out would show the container the whole volume.
  if (mount.subPath || mount.subPathExpr) throw new Error(`${what}: subPath is not supported`);
  const propagation = PROPAGATION.get(mount.mountPropagation ?? 'None');
  if (propagation === undefined) throw new Error(`${what}: unknown mountPropagation ${String(mount.mountPropagation)}`);
  return {
    hostPath: volume.hostPath,
    // As the kubelet: a relative path starts at the container's root.
    containerPath: posix.resolve('/', mount.mountPath),
    readOnly: volume.readOnly || (mount.readOnly ?? false),
    propagation,
  };
}
