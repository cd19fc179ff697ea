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

/** A mount of a container. */
export interface PlannedMount {
  /** `hostPath` is the whole volume. */
  readonly mount: Mount;
  readonly volume: string;
  /** Position in `volumeMounts`. */
  readonly index: number;
  /** The part of the volume that is mounted: relative, without `..`; undefined for all of it. */
  readonly subPath: string | undefined;
}

export interface MountFacts {
  /** The container's resolved environment, for `subPathExpr`. */
  readonly env: ReadonlyMap<string, string>;
  /** The runtime can mount read-only what is mounted below a volume. */
  readonly recursiveReadOnly: boolean;
}

/**
 * The mounts of a container's `volumeMounts`, in their order (kubelet `makeMounts`).
 *
 * @throws Error when a mount names a volume that the pod does not have, or asks for what cannot be had; the `problem` of a
 *   volume as it is
 */
export function planMounts(
  container: Container,
  volumes: ReadonlyMap<string, PreparedVolume>,
  facts: MountFacts,
): readonly PlannedMount[] {
  return container.volumeMounts.map((mount, index) => {
    const what = `container ${JSON.stringify(container.name)}: volumeMount of ${JSON.stringify(mount.name)}`;
    const volume = volumes.get(mount.name);
    if (volume === undefined) throw new Error(`${what}: the pod has no volume of this name`);
    if (volume.problem !== undefined) throw volume.problem;
    const subPath = subPathOf(mount, facts.env);
    return { mount: mountOf(mount, volume, what, facts), volume: mount.name, index, subPath };
  });
}

function mountOf(mount: VolumeMount, volume: PreparedVolume, what: string, facts: MountFacts): Mount {
  const propagation = PROPAGATION.get(mount.mountPropagation ?? 'None');
  if (propagation === undefined) throw new Error(`${what}: unknown mountPropagation ${String(mount.mountPropagation)}`);
  return {
    hostPath: volume.hostPath,
    // As the kubelet: a relative path starts at the container's root.
    containerPath: posix.resolve('/', mount.mountPath),
    readOnly: volume.readOnly || (mount.readOnly ?? false),
    propagation,
    ...(isRecursiveReadOnly(mount, facts) ? { recursiveReadOnly: true } : {}),
  };
}

/** KEP-3857; `kubelet_pods.go`, resolveRecursiveReadOnly. */
function isRecursiveReadOnly(mount: VolumeMount, { recursiveReadOnly }: MountFacts): boolean {
  const { recursiveReadOnly: mode = 'Disabled', mountPropagation = 'None' } = mount;
  const what = `volume ${JSON.stringify(mount.name)} requested recursive read-only mode`;
  if (mode === 'Disabled' || mode === '') return false;
  if (mode !== 'IfPossible' && mode !== 'Enabled')
    throw new Error(`unknown recursive read-only mode ${JSON.stringify(mode)}`);
  if (mount.readOnly !== true) throw new Error(`${what}, but it is not read-only`);
  if (mountPropagation !== 'None') {
    throw new Error(`${what}, but it is not compatible with propagation ${JSON.stringify(mountPropagation)}`);
  }
  if (mode === 'Enabled' && !recursiveReadOnly) throw new Error(`${what}, but it is not supported by the runtime`);
  return recursiveReadOnly;
}

function subPathOf(mount: VolumeMount, env: ReadonlyMap<string, string>): string | undefined {
  const path = mount.subPathExpr ? expandSubPath(mount.subPathExpr, env) : (mount.subPath ?? '');
  if (path === '') return undefined;
  // Validation has checked what the manifest says; a variable may hold anything.
  if (path.startsWith('/')) throw new Error(`error SubPath \`${path}\` must not be an absolute path`);
  if (path.split('/').includes('..')) throw new Error(`unable to provision SubPath \`${path}\`: must not contain '..'`);
  if (path.includes('\0')) throw new Error('unable to provision SubPath: must not contain NUL');
  return path;
}

/** A variable that is missing or empty would name another directory, so it is an error (`ExpandContainerVolumeMounts`). */
function expandSubPath(expression: string, env: ReadonlyMap<string, string>): string {
  const missing = new Set<string>();
  const path = expression.replace(/\$\$|\$\(([^)]*)\)/g, (_, name: string | undefined) => {
    if (name === undefined) return '$';
    const value = env.get(name) ?? '';
    if (value === '') missing.add(name);
    return value;
  });
  if (missing.size > 0) throw new Error(`missing value for ${[...missing].toSorted().join(', ')}`);
  return path;
}
