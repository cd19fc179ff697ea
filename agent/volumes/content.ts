import { chmod, lchown, lstat } from 'node:fs/promises';
import type { ObjectReader, Pod, Volume } from '../objects/types.ts';
import type { TrustBundleSource } from '../trust-bundles/anchors-plan.ts';
import type { NodeResources } from '../objects/downward.ts';
import { writePayload } from './atomic-writer.ts';
import { memorySize } from './empty-dir-plan.ts';
import { groupMode, isRootOfGroup } from './fs-group-plan.ts';
import { contentPath, contentPlugin } from './paths.ts';
import { contentPayload } from './payload-plan.ts';
import type { VolumeDeps } from './prepare.ts';
import { ensureSharedDirectory, ensureTmpfs } from './shared-directory.ts';

/** What a serviceAccountToken source asks for. */
export interface TokenRequest {
  /** Empty for the API server's own audience. */
  readonly audience: string;
  readonly expirationSeconds: number;
}

export interface ContentDeps {
  readonly objects: ObjectReader;
  readonly allocatable: () => NodeResources;
  /** A token for the pod's service account, bound to the pod. Absent where there is no API server. */
  readonly tokens?: (pod: Pod, request: TokenRequest, signal: AbortSignal) => Promise<string>;
  /** Certificates in PEM that a source selects. Absent where there is no API server. */
  readonly trustAnchors?: (pod: Pod, source: TrustBundleSource, signal: AbortSignal) => Promise<string>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The API server's default (`pkg/apis/core/v1/defaults.go`). */
const TOKEN_SECONDS = 3600;

/**
 * Sets a configMap, secret, downwardAPI or projected volume up, or brings its files up to date. All but a configMap live in
 * memory, as the kubelet has them: secrets must not reach a disk.
 *
 * @returns the path to mount; undefined for a volume of another type
 */
export async function ensureContent(
  volume: Volume,
  pod: Pod,
  podDir: string,
  deps: VolumeDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const plugin = contentPlugin(volume);
  if (plugin === undefined) return undefined;
  const payload = contentPayload(volume, pod, {
    objects: deps.objects,
    allocatable: deps.allocatable(),
    tokens: await requestTokens(volume, pod, deps, signal),
    trustAnchors: await requestAnchors(volume, pod, deps, signal),
  });
  if (payload === undefined) return undefined;
  const path = contentPath(podDir, plugin, volume.name);
  if (plugin === 'configmap') await ensureSharedDirectory(path);
  else await ensureTmpfs(path, memorySize({}, pod, deps.nodeMemoryBytes), deps.exec, signal);
  const fsGroup = pod.spec.securityContext?.fsGroup;
  if (fsGroup !== undefined) await shareRoot(path, fsGroup);
  await writePayload(path, payload, { fsGroup, now: deps.now() }, signal);
  return path;
}

type ProjectedSource = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

const requestTokens = (volume: Volume, pod: Pod, { tokens }: ContentDeps, signal: AbortSignal): Promise<Requested> =>
  request(volume, ({ serviceAccountToken }) => {
    if (tokens === undefined || serviceAccountToken === undefined) return undefined;
    const { audience = '', expirationSeconds = TOKEN_SECONDS } = serviceAccountToken;
    return tokens(pod, { audience, expirationSeconds }, signal);
  });

const requestAnchors = (
  volume: Volume,
  pod: Pod,
  { trustAnchors }: ContentDeps,
  signal: AbortSignal,
): Promise<Requested> =>
  request(volume, ({ clusterTrustBundle }) =>
    clusterTrustBundle === undefined ? undefined : trustAnchors?.(pod, clusterTrustBundle, signal),
  );

/** By the index of the source. */
type Requested = ReadonlyMap<number, string>;

/** What the sources of a projected volume ask the API server for, one after the other. */
async function request(
  volume: Volume,
  ask: (source: ProjectedSource) => Promise<string> | undefined,
): Promise<Requested> {
  const found = new Map<number, string>();
  for (const [index, source] of (volume.projected?.sources ?? []).entries()) {
    const answer = await ask(source);
    if (answer !== undefined) found.set(index, answer);
  }
  return found;
}

/** The files belong to the group before they are seen (see `writePayload`); the volume's root is all that is left. */
async function shareRoot(path: string, fsGroup: number): Promise<void> {
  const stats = await lstat(path);
  if (isRootOfGroup(stats, fsGroup, true)) return;
  await lchown(path, stats.uid, fsGroup);
  await chmod(path, groupMode(stats.mode, { isDirectory: true, readOnly: true }));
}
