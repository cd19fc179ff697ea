import { qualifiedName } from './names.ts';
import { parseQuantity, type Quantity } from './quantity.ts';
import type { Container, Pod } from './types.ts';

/*
 * The downward API: what a container may learn of its own pod, by environment variables and by downwardAPI and
 * projected volumes. Both read from here.
 */

/** What the node can give to pods. Whole numbers. */
export interface NodeResources {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
}

/** What the pod's manifest does not say. */
export interface DownwardFacts {
  readonly nodeName: string;
  /** Primary first; the node's own for a pod on the host network. */
  readonly podIps: readonly string[];
  /** Primary first. */
  readonly hostIps: readonly string[];
  readonly allocatable: NodeResources;
}

type Field = (pod: Pod, facts: DownwardFacts) => string;

const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['metadata.name', ({ metadata }) => metadata.name],
  ['metadata.namespace', ({ metadata }) => metadata.namespace],
  ['metadata.uid', ({ metadata }) => metadata.uid],
  ['metadata.labels', ({ metadata }) => formatMap(metadata.labels)],
  ['metadata.annotations', ({ metadata }) => formatMap(metadata.annotations)],
  ['spec.nodeName', (_, facts) => facts.nodeName],
  ['spec.serviceAccountName', ({ spec }) => spec.serviceAccountName ?? ''],
  ['status.podIP', (_, { podIps }) => podIps[0] ?? ''],
  ['status.podIPs', (_, { podIps }) => podIps.join(',')],
  ['status.hostIP', (_, facts) => hostIps(facts)[0] ?? ''],
  ['status.hostIPs', (_, facts) => hostIps(facts).join(',')],
]);

/**
 * The value of a `fieldRef` (`pkg/fieldpath` ExtractFieldPathAsString, kubelet `podFieldSelectorRuntimeValue`). A
 * label or annotation that the pod does not have is empty.
 *
 * @throws Error when there is no such field, or the node has no address yet
 */
export function fieldRefValue(pod: Pod, fieldPath: string, facts: DownwardFacts): string {
  const [, list, key = ''] = /^(.+?)\['(.*)'\]$/s.exec(fieldPath) ?? [];
  if (list !== undefined) return keyedValue(pod, fieldPath, list, key);
  const field = FIELDS.get(fieldPath);
  if (field === undefined) throw new Error(`unsupported fieldPath: ${fieldPath}`);
  return field(pod, facts);
}

function keyedValue({ metadata }: Pod, fieldPath: string, list: string, key: string): string {
  if (list !== 'metadata.labels' && list !== 'metadata.annotations') {
    throw new Error(`fieldPath ${JSON.stringify(fieldPath)} does not support subscript`);
  }
  // The prefix of an annotation's key may be in upper case, that of a label's key may not.
  const problem = qualifiedName(list === 'metadata.annotations' ? key.toLowerCase() : key);
  if (problem !== undefined) throw new Error(`invalid key subscript in ${fieldPath}: ${problem}`);
  const values = list === 'metadata.labels' ? metadata.labels : metadata.annotations;
  return Object.hasOwn(values, key) ? (values[key] ?? '') : '';
}

function hostIps({ hostIps: ips }: DownwardFacts): readonly string[] {
  if (ips.length === 0) throw new Error('the node has no IP address yet');
  return ips;
}

/** A line `key="value"` for each, sorted by key, without a line end after the last. */
function formatMap(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${quote(map[key] ?? '')}`)
    .join('\n');
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
]);

/** Text in double quotes as Go's `strconv.Quote` writes it, which programs that read downwardAPI files undo. */
function quote(text: string): string {
  const body = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (char) => ESCAPES.get(char) ?? escapeCode(char));
  return `"${body}"`;
}

function escapeCode(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

const MILLI: Quantity = 1_000_000n;
const UNIT: Quantity = 1_000_000_000n;

/**
 * The value of a `resourceFieldRef`: a whole number of divisors, rounded up (`pkg/api/v1/resource`
 * ExtractContainerResourceValue). A limit that the container does not have is the pod's, or else all that the node
 * can give (kubelet `defaultPodLimitsForDownwardAPI`); huge pages and requests have no such default and are 0.
 *
 * @param container name of a container of the pod, of any kind
 * @param ref.resource e.g. `limits.cpu`, `requests.memory`, `limits.hugepages-2Mi`
 * @param ref.divisor quantity; 1 when missing or 0. CPU counts in whole CPUs then
 * @throws Error when the pod has no such container, or there is no such resource
 */
export function resourceFieldValue(
  pod: Pod,
  container: string,
  ref: { readonly resource: string; readonly divisor?: string | number },
  allocatable: NodeResources,
): string {
  const found = findContainer(pod, container);
  const [, list, name = ''] =
    /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(ref.resource) ?? [];
  if (list === undefined) throw new Error(`unsupported container resource: ${ref.resource}`);
  const own = quantity(list === 'limits' ? found.resources.limits : found.resources.requests, name);
  const value = list === 'limits' && own === 0n ? defaultLimit(pod, name, allocatable) : own;
  const unit = name === 'cpu' ? MILLI : UNIT;
  // Both are rounded up to what is counted, thousandths of a CPU or bytes, before they are divided.
  return String(divideUp(divideUp(value, unit), divideUp(readDivisor(ref.divisor), unit)));
}

function readDivisor(value: string | number | undefined): Quantity {
  const divisor = value === undefined ? undefined : parseQuantity(value);
  return divisor !== undefined && divisor > 0n ? divisor : UNIT;
}

function findContainer({ spec }: Pod, name: string): Container {
  const all = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
  const found = all.find((container) => container.name === name);
  if (found === undefined) throw new Error(`container ${name} not found`);
  return found;
}

function defaultLimit(pod: Pod, name: string, allocatable: NodeResources): Quantity {
  switch (name) {
    case 'cpu':
      return quantity(pod.spec.resources?.limits, name) || BigInt(allocatable.cpuMillis) * MILLI;
    case 'memory':
      return quantity(pod.spec.resources?.limits, name) || BigInt(allocatable.memoryBytes) * UNIT;
    case 'ephemeral-storage':
      return BigInt(allocatable.ephemeralStorageBytes) * UNIT;
    default:
      return 0n;
  }
}

function quantity(list: Readonly<Record<string, number | string>> | undefined, name: string): Quantity {
  const value = list?.[name];
  return value === undefined ? 0n : (parseQuantity(value) ?? 0n);
}

function divideUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}
