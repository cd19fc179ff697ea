import { podLimits } from '../objects/pod-resources.ts';
import { parseQuantity, unitValue } from '../objects/quantity.ts';
import type { Pod } from '../objects/types.ts';
import { emptyDirsOnDisk, type PodUsage } from '../stats/index.ts';
import { renderQuantity } from './quantity-render.ts';

/** Which part of a pod's use of the disk has a limit. */
export interface LimitedStorage {
  /** Some emptyDir, or all the pod's storage. */
  readonly volumes: boolean;
  /** Writable layers. */
  readonly layers: boolean;
}

const resource = 'ephemeral-storage';

/** What has to be measured to enforce a pod's limits. */
export function limitedStorage(pod: Pod): LimitedStorage {
  const layers = podLimits(pod).has(resource);
  return { layers, volumes: layers || limitedEmptyDirs(pod).length > 0 };
}

/**
 * Which limit of local storage the pod is beyond, as the message of its eviction; undefined for none (`localStorageEviction`,
 * pkg/kubelet/eviction/eviction_manager.go: emptyDirs, then the pod as a whole, then each container).
 *
 * @param imageFsIsOwn writable layers are not on the node's own file system, and do not count for a container
 */
export function limitExceeded(pod: Pod, usage: PodUsage, imageFsIsOwn: boolean): string | undefined {
  return emptyDirExceeded(pod, usage) ?? podExceeded(pod, usage) ?? containerExceeded(pod, usage, imageFsIsOwn);
}

function emptyDirExceeded(pod: Pod, { volumes }: PodUsage): string | undefined {
  const found = limitedEmptyDirs(pod).find(({ name, bytes }) => (volumes?.get(name)?.bytes ?? 0) > bytes);
  return found && `Usage of EmptyDir volume "${found.name}" exceeds the limit "${found.text}". `;
}

function podExceeded(pod: Pod, { volumes, containers }: PodUsage): string | undefined {
  const limit = podLimits(pod).get(resource);
  if (limit === undefined) return undefined;
  const parts = [...[...containers.values()].flatMap(({ layer, logs }) => [layer, logs]), ...(volumes?.values() ?? [])];
  const used = parts.reduce((total, { bytes }) => total + bytes, 0);
  if (used <= unitValue(limit)) return undefined;
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${renderQuantity(unitValue(limit))}. `;
}

function containerExceeded(pod: Pod, { containers }: PodUsage, imageFsIsOwn: boolean): string | undefined {
  for (const { name, resources } of pod.spec.containers) {
    const text = resources.limits?.[resource];
    const limit = bytesOf(text);
    const usage = containers.get(name);
    if (text === undefined || limit === 0 || usage === undefined) continue;
    const used = usage.logs.bytes + (imageFsIsOwn ? 0 : usage.layer.bytes);
    if (used > limit) return `Container ${name} exceeded its local ephemeral storage limit "${text}". `;
  }
  return undefined;
}

interface LimitedEmptyDir {
  readonly name: string;
  readonly bytes: number;
  readonly text: string;
}

function limitedEmptyDirs(pod: Pod): readonly LimitedEmptyDir[] {
  const onDisk = emptyDirsOnDisk(pod);
  return pod.spec.volumes.flatMap(({ name, emptyDir }) => {
    const bytes = bytesOf(emptyDir?.sizeLimit);
    return bytes > 0 && onDisk.includes(name) ? [{ name, bytes, text: String(emptyDir?.sizeLimit) }] : [];
  });
}

function bytesOf(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : unitValue(parseQuantity(quantity) ?? 0n);
}
