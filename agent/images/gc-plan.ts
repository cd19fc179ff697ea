import { formatImageReference, parseImageReference } from './reference.ts';

/*
 * Which images may go, and which go first (kubelet: `pkg/kubelet/images/image_gc_manager.go`). Beyond the kubelet, images
 * that pods of this node name stay, and so do images with a tag that no registry gave: they were built or loaded here,
 * and cannot be pulled again.
 */

/** Settings of the kubelet's configuration, as milliseconds and per cent. */
export interface ImageGcPolicy {
  /** Disk use from which images are removed; 100 for never. */
  readonly highThresholdPercent: number;
  /** Disk use down to which they are removed. */
  readonly lowThresholdPercent: number;
  /** Younger images stay: a container may be about to use them. */
  readonly minAgeMs: number;
  /** Images unused for longer go, whatever the disk use; 0 for never. */
  readonly maxAgeMs: number;
}

export interface DiskUsage {
  readonly capacityBytes: number;
  /** To those who are not root. */
  readonly availableBytes: number;
}

/** An image as the runtime lists it. */
export interface ListedImage {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly size?: number;
}

/** What has been seen of an image. Times are milliseconds since the epoch; 0 is before the daemon's start. */
export interface ImageRecord {
  readonly firstDetected: number;
  readonly lastUsed: number;
}

export type ImageRecords = ReadonlyMap<string, ImageRecord>;

/** Why an image stays. */
export type KeepReason = 'in use' | 'named by a pod' | 'the sandbox image' | 'not from a registry' | 'too young';

export interface ImageUse {
  /** IDs of the images of all containers of the host, also of those that are no pod's. */
  readonly usedIds: ReadonlySet<string>;
  /** Images that pods of this node name, as they name them. */
  readonly podImages: readonly string[];
  readonly sandboxImages: readonly string[];
}

export interface GcCandidate {
  readonly id: string;
  /** A name for people. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Unused for longer than `maxAgeMs`: goes without need. */
  readonly expired: boolean;
}

export interface ImageGcPlan {
  /** What may be removed, in this order. */
  readonly candidates: readonly GcCandidate[];
  /** Bytes of what stays, by reason. */
  readonly kept: Readonly<Partial<Record<KeepReason, { readonly images: number; readonly bytes: number }>>>;
}

/** Records after a look at the host: new images are noted, those in use are used now, those that are gone are forgotten. */
export function updateRecords(
  records: ImageRecords,
  images: readonly ListedImage[],
  usedIds: ReadonlySet<string>,
  { now, isFirst }: { readonly now: number; readonly isFirst: boolean },
): ImageRecords {
  return new Map(
    images.map(({ id }) => {
      const known = records.get(id) ?? { firstDetected: isFirst ? 0 : now, lastUsed: 0 };
      return [id, usedIds.has(id) ? { ...known, lastUsed: now } : known];
    }),
  );
}

/** Bytes to free, 0 when the disk use is below the high threshold. */
export function bytesToFree({ capacityBytes, availableBytes }: DiskUsage, policy: ImageGcPolicy): number {
  const usedPercent = 100 - Math.floor((availableBytes * 100) / capacityBytes);
  if (policy.highThresholdPercent === 100 || usedPercent < policy.highThresholdPercent) return 0;
  return Math.max(0, Math.floor((capacityBytes * (100 - policy.lowThresholdPercent)) / 100) - availableBytes);
}

export interface ImageGcFacts {
  readonly images: readonly ListedImage[];
  /** As {@link updateRecords} has made them for these images. */
  readonly records: ImageRecords;
  readonly use: ImageUse;
  readonly policy: ImageGcPolicy;
  readonly now: number;
  /** Since when use has been watched. */
  readonly startedAt: number;
}

/** Sorts the images of the host into those that may go, least recently used first, and those that stay. */
export function planImageGc(facts: ImageGcFacts): ImageGcPlan {
  const keepReasonOf = keepRules(facts);
  const judged = facts.images.map((image) => ({ image, reason: keepReasonOf(image) }));
  const kept: Partial<Record<KeepReason, { images: number; bytes: number }>> = {};
  for (const { image, reason } of judged) {
    if (reason === undefined) continue;
    const { images, bytes } = kept[reason] ?? { images: 0, bytes: 0 };
    kept[reason] = { images: images + 1, bytes: bytes + (image.size ?? 0) };
  }
  const free = judged.filter(({ reason }) => reason === undefined).map(({ image }) => image);
  return { candidates: free.sort(byLastUse(facts.records)).map((image) => toCandidate(image, facts)), kept };
}

function keepRules({ use, records, policy, now }: ImageGcFacts): (image: ListedImage) => KeepReason | undefined {
  const podImages = new Set(use.podImages.map(canonicalName));
  const sandboxImages = new Set(use.sandboxImages.map(canonicalName));
  const isNamed = ({ tags, digests }: ListedImage, names: ReadonlySet<string>): boolean =>
    [...tags, ...digests].some((name) => names.has(canonicalName(name)));
  return (image) => {
    if (use.usedIds.has(image.id)) return 'in use';
    if (isNamed(image, sandboxImages)) return 'the sandbox image';
    if (isNamed(image, podImages) || use.podImages.includes(image.id)) return 'named by a pod';
    if (image.tags.length > 0 && image.digests.length === 0) return 'not from a registry';
    return now - (records.get(image.id)?.firstDetected ?? now) < policy.minAgeMs ? 'too young' : undefined;
  };
}

/** One form for all ways to write a name; a tag beside a digest says nothing. */
function canonicalName(image: string): string {
  try {
    const { domain, path, tag, digest } = parseImageReference(image);
    return formatImageReference({ domain, path, digest, tag: digest === undefined ? tag : undefined });
  } catch {
    return image;
  }
}

function byLastUse(records: ImageRecords): (a: ListedImage, b: ListedImage) => number {
  const of = ({ id }: ListedImage): ImageRecord => records.get(id) ?? { firstDetected: 0, lastUsed: 0 };
  return (a, b) => of(a).lastUsed - of(b).lastUsed || of(a).firstDetected - of(b).firstDetected;
}

function toCandidate({ id, tags, digests, size = 0 }: ListedImage, facts: ImageGcFacts): GcCandidate {
  const { records, policy, now, startedAt } = facts;
  const { lastUsed = 0, firstDetected = 0 } = records.get(id) ?? {};
  // What was used before the start is not known: nothing is older than the daemon.
  const idleMs = now - Math.max(lastUsed, firstDetected, startedAt);
  const expired = policy.maxAgeMs > 0 && idleMs > policy.maxAgeMs;
  return { id, name: tags[0] ?? digests[0] ?? id, sizeBytes: size, expired };
}

/** Why images are left, for people: `images that stay: 2 in use (20 bytes), 1 too young (5 bytes)`. */
export function describeKept({ kept }: Pick<ImageGcPlan, 'kept'>): string {
  const rows = Object.entries(kept).map(([reason, { images, bytes }]) => `${images} ${reason} (${bytes} bytes)`);
  return rows.length === 0 ? 'there are no other images' : `images that stay: ${rows.join(', ')}`;
}
