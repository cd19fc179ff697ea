import { posix } from 'node:path';
import { messageOf } from '../../cni/index.ts';
import { fieldRefValue, resourceFieldValue, type NodeResources } from '../objects/downward.ts';
import type { ObjectReader, Pod, Volume } from '../objects/types.ts';
import { fsUserOf } from './fs-user-plan.ts';

/*
 * What the files of a volume hold that is made from objects: configMap, secret, downwardAPI and projected volumes. Nothing
 * is read or written here but the objects themselves.
 */

export interface PayloadFile {
  readonly bytes: Uint8Array;
  /** Permission bits, without those that an fsGroup adds. */
  readonly mode: number;
  /** Owner; root when undefined. */
  readonly uid?: number;
}

/** Keyed by the path below the volume's root, in normal form. */
export type Payload = ReadonlyMap<string, PayloadFile>;

export interface PayloadFacts {
  readonly objects: ObjectReader;
  readonly allocatable: NodeResources;
  /** Tokens of a projected volume's serviceAccountToken sources, by their index in `sources`. */
  readonly tokens: ReadonlyMap<number, string>;
  /** Certificates of its clusterTrustBundle sources in PEM, likewise. */
  readonly trustAnchors: ReadonlyMap<number, string>;
}

type ConfigMapSource = Omit<NonNullable<Volume['configMap']>, 'defaultMode'>;
type SecretSource = Omit<NonNullable<Volume['secret']>, 'defaultMode'>;
type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;
type ProjectedSource = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type KeyToPath = NonNullable<ConfigMapSource['items']>[number];

/** What the API server's defaulting sets (`pkg/apis/core/v1/defaults.go`). */
const DEFAULT_MODE = 0o644;
/** Only the owner may read a file that is for one pod alone; an fsGroup adds its group. */
const OWN_MODE = 0o600;

/**
 * The files of a volume; undefined when it is of another type. A missing object or key is left out when its source is
 * optional (`pkg/volume/{configmap,secret,downwardapi,projected}`).
 *
 * @throws Error when an object, a key or a field is missing, or a path would leave the volume; with all that is wrong
 */
export function contentPayload(volume: Volume, pod: Pod, facts: PayloadFacts): Payload | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) return configMapPayload(configMap, modeOf(configMap.defaultMode), pod, facts);
  if (secret !== undefined) {
    const { secretName = '', defaultMode, ...source } = secret;
    return secretPayload({ ...source, secretName }, modeOf(defaultMode), pod, facts);
  }
  if (downwardAPI !== undefined) {
    return downwardPayload(downwardAPI.items ?? [], modeOf(downwardAPI.defaultMode), pod, facts);
  }
  return projected === undefined ? undefined : projectedPayload(projected, pod, facts);
}

function modeOf(defaultMode: number | undefined): number {
  return defaultMode ?? DEFAULT_MODE;
}

function configMapPayload(source: ConfigMapSource, mode: number, pod: Pod, { objects }: PayloadFacts): Payload {
  const { name = '', items = [], optional = false } = source;
  const found = objects.object('ConfigMap', pod.metadata.namespace, name);
  if (found === undefined && !optional) throw new Error(`configmap ${JSON.stringify(name)} not found`);
  const entries = new Map<string, Uint8Array>([
    ...Object.entries(found?.data ?? {}).map(([key, text]) => [key, Buffer.from(text)] as const),
    ...Object.entries(found?.binaryData ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
  ]);
  const missing = (key: string): string => `configmap references non-existent config key: ${key}`;
  return keyedPayload(entries, items, mode, optional, missing);
}

function secretPayload(source: SecretSource, mode: number, pod: Pod, { objects }: PayloadFacts): Payload {
  const { secretName = '', items = [], optional = false } = source;
  const found = objects.object('Secret', pod.metadata.namespace, secretName);
  if (found === undefined && !optional) throw new Error(`secret ${JSON.stringify(secretName)} not found`);
  const entries = new Map(
    Object.entries(found?.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
  );
  return keyedPayload(entries, items, mode, optional, (key) => `references non-existent secret key: ${key}`);
}

/** All entries by their own names, or the listed ones by theirs. */
function keyedPayload(
  entries: ReadonlyMap<string, Uint8Array>,
  items: readonly KeyToPath[],
  defaultMode: number,
  optional: boolean,
  missing: (key: string) => string,
): Payload {
  if (items.length === 0) {
    return new Map([...entries].map(([key, bytes]) => [checkedPath(key), { bytes, mode: defaultMode }]));
  }
  const payload = new Map<string, PayloadFile>();
  for (const { key, path, mode = defaultMode } of items) {
    const bytes = entries.get(key);
    if (bytes !== undefined) payload.set(checkedPath(path), { bytes, mode });
    else if (!optional) throw new Error(missing(key));
  }
  return payload;
}

function downwardPayload(items: DownwardItems, defaultMode: number, pod: Pod, facts: PayloadFacts): Payload {
  const files = collect(items, ({ path, mode = defaultMode, fieldRef, resourceFieldRef }) => {
    // Volumes may only name fields of the pod's metadata, so nothing is asked of the node's and the pod's addresses.
    const unknown = { nodeName: pod.spec.nodeName, podIps: [], hostIps: [], allocatable: facts.allocatable };
    const text =
      fieldRef !== undefined
        ? fieldRefValue(pod, fieldRef.fieldPath, unknown)
        : resourceFieldRef !== undefined
          ? resourceFieldValue(pod, resourceFieldRef.containerName ?? '', resourceFieldRef, facts.allocatable)
          : '';
    return [[checkedPath(path), { bytes: Buffer.from(text), mode }]];
  });
  return new Map(files);
}

function projectedPayload(projected: NonNullable<Volume['projected']>, pod: Pod, facts: PayloadFacts): Payload {
  const mode = modeOf(projected.defaultMode);
  const sources = [...(projected.sources ?? []).entries()];
  // Of two files with one path the later source's is taken, as the kubelet does.
  return new Map(collect(sources, ([index, source]) => [...sourcePayload(source, index, mode, pod, facts)]));
}

function sourcePayload(source: ProjectedSource, index: number, mode: number, pod: Pod, facts: PayloadFacts): Payload {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle } = source;
  if (configMap !== undefined) return configMapPayload(configMap, mode, pod, facts);
  if (secret !== undefined) {
    const { name = '', ...rest } = secret;
    return secretPayload({ ...rest, secretName: name }, mode, pod, facts);
  }
  if (downwardAPI !== undefined) return downwardPayload(downwardAPI.items ?? [], mode, pod, facts);
  if (serviceAccountToken !== undefined) {
    const token = granted('serviceAccountToken', facts.tokens.get(index));
    return ownPayload(serviceAccountToken.path, token, mode, pod);
  }
  if (clusterTrustBundle !== undefined) {
    const anchors = granted('clusterTrustBundle', facts.trustAnchors.get(index));
    return ownPayload(clusterTrustBundle.path, anchors, mode, pod);
  }
  throw new Error(`projected source ${Object.keys(source)[0] ?? '(none)'} is not supported by this node`);
}

function granted(source: string, text: string | undefined): string {
  if (text === undefined) throw new Error(`${source} needs an API server, and this node stands alone`);
  return text;
}

/**
 * A container that does not run as root could not read a token of root's (KEP-1205, "File Permission"). The kubelet gives the
 * same rights to the certificates of a clusterTrustBundle.
 */
function ownPayload(path: string, text: string, defaultMode: number, pod: Pod): Payload {
  const uid = fsUserOf(pod);
  const isShared = uid !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
  const file = { bytes: Buffer.from(text), mode: isShared ? OWN_MODE : defaultMode };
  return new Map([[checkedPath(path), uid === undefined ? file : { ...file, uid }]]);
}

/** Files of all items; what is wrong with any of them is told together, as an Aggregate of apimachinery's prints it. */
function collect<T>(
  items: readonly T[],
  filesOf: (item: T) => readonly (readonly [string, PayloadFile])[],
): readonly (readonly [string, PayloadFile])[] {
  const problems = new Set<string>();
  const files = items.flatMap((item) => {
    try {
      return filesOf(item);
    } catch (error) {
      problems.add(messageOf(error));
      return [];
    }
  });
  if (problems.size > 0) throw new Error(problems.size === 1 ? [...problems].join() : `[${[...problems].join(', ')}]`);
  return files;
}

/** Rules of `pkg/volume/util/atomic_writer.go` (validatePath): names that begin with two dots are the writer's own. */
function checkedPath(path: string): string {
  const segments = path.split('/');
  if (path === '') throw new Error('invalid path: must not be empty');
  if (path.startsWith('/')) throw new Error(`invalid path: must be relative path: ${path}`);
  if (path.includes('\0')) throw new Error(`invalid path: must not contain NUL: ${JSON.stringify(path)}`);
  if (Buffer.byteLength(path) > 4096) throw new Error('invalid path: must be less than or equal to 4096 characters');
  if (segments.includes('..')) throw new Error(`invalid path: must not contain '..': ${path}`);
  if (segments.some((segment) => Buffer.byteLength(segment) > 255)) {
    throw new Error('invalid path: filenames must be less than or equal to 255 characters');
  }
  const clean = posix.normalize(path).replace(/\/$/, '');
  if (clean.startsWith('..')) throw new Error(`invalid path: must not start with '..': ${path}`);
  if (clean === '.') throw new Error(`invalid path: must name a file: ${path}`);
  return clean;
}
