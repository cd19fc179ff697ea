import type { FieldPath } from './field-path.ts';
import { invalid, notFound, required, unsupported, type FieldProblem } from './field-problem.ts';
import { qualifiedName } from './names.ts';
import { parseQuantity } from './quantity.ts';
import type { EnvVarSource, FieldRef } from './types.ts';
import { check } from './validate-metadata.ts';

type ResourceFieldRef = NonNullable<EnvVarSource['resourceFieldRef']>;

/** Fields that the downward API knows at all (`ConvertDownwardAPIFieldLabel`, pkg/apis/core/pods/helpers.go). */
const KNOWN_FIELDS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.hostIP',
  'status.hostIPs',
  'status.phase',
  'status.podIP',
  'status.podIPs',
];

/** Fields of which an environment variable can be made. */
export const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

/** Fields of which a file can be made. */
export const FILE_FIELDS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

const DECIMAL = ['1', '1k', '1M', '1G', '1T', '1P', '1E'];
const BINARY = ['1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

/** Checks a reference to a field of the pod (`validateObjectFieldSelector`). */
export function validateFieldRef(
  ref: FieldRef,
  supported: readonly string[],
  path: FieldPath,
): readonly FieldProblem[] {
  const { apiVersion = '', fieldPath } = ref;
  const at = [...path, 'fieldPath'];
  const cannotConvert = (why: string): readonly FieldProblem[] => [
    invalid(at, fieldPath, `error converting fieldPath: ${why}`),
  ];
  // The type demands it, the manifest may lack it.
  if (!fieldPath) return [required(at)];
  if (apiVersion !== 'v1') return cannotConvert(`unsupported pod version: ${apiVersion}`);
  const [, list, key = ''] = /^(.+?)\['(.*)'\]$/s.exec(fieldPath) ?? [];
  if (list === 'metadata.labels') return check(key, qualifiedName, at);
  // The prefix of an annotation's key may be in upper case.
  if (list === 'metadata.annotations') return check(key.toLowerCase(), qualifiedName, at, key);
  if (list !== undefined) return cannotConvert(`field label does not support subscript: ${fieldPath}`);
  if (!KNOWN_FIELDS.includes(fieldPath)) return cannotConvert(`field label not supported: ${fieldPath}`);
  return supported.includes(fieldPath) ? [] : [unsupported(at, fieldPath, supported)];
}

/**
 * Checks a reference to a resource of a container (`validateContainerResourceFieldSelector`).
 *
 * @param containers names of the pod's containers that can be referred to; a variable may leave out that of its own container
 */
export function validateResourceRef(
  ref: ResourceFieldRef,
  containers: readonly string[],
  needsContainer: boolean,
  path: FieldPath,
): readonly FieldProblem[] {
  const { containerName = '', resource } = ref;
  const at = [...path, 'resource'];
  if (needsContainer && containerName === '') return [required([...path, 'containerName'])];
  if (containerName !== '' && !containers.includes(containerName)) {
    return [notFound([...path, 'containerName'], containerName)];
  }
  // The type demands it, the manifest may lack it.
  if (!resource) return [required(at)];
  const known = RESOURCES.includes(resource) || /^(limits|requests)\.hugepages-./.test(resource);
  if (!known) return [unsupported(at, resource, RESOURCES)];
  return validateDivisor(resource, ref.divisor, [...path, 'divisor']);
}

/** 0 is no divisor (`validateContainerResourceDivisor`). */
function validateDivisor(
  resource: string,
  divisor: number | string | undefined,
  path: FieldPath,
): readonly FieldProblem[] {
  if (divisor === undefined) return [];
  const quantity = parseQuantity(divisor);
  if (quantity === undefined) return [invalid(path, divisor, 'must be a quantity, such as 1m or 1Mi')];
  const [kind, allowed] = divisorsOf(resource);
  // Other writings of a value, such as 1000 for 1k, are as good as it; 1024 is written in decimal and so not 1Ki.
  const isBinary = String(divisor).endsWith('i');
  const comparable = allowed.filter((one) => one === '1' || one.endsWith('i') === isBinary);
  if (quantity === 0n || comparable.some((one) => parseQuantity(one) === quantity)) return [];
  return [
    invalid(path, resource, `only divisor's values ${formatList(allowed)} are supported with the ${kind} resource`),
  ];
}

function divisorsOf(resource: string): readonly [kind: string, values: readonly string[]] {
  const name = resource.slice(resource.indexOf('.') + 1);
  if (name === 'cpu') return ['cpu', ['1m', '1']];
  const bytes = [...DECIMAL, ...BINARY];
  if (name === 'memory') return ['memory', bytes];
  return [name === 'ephemeral-storage' ? 'local ephemeral storage' : 'hugepages', bytes];
}

function formatList(values: readonly string[]): string {
  return values.length === 2 ? values.join(' and ') : values.join(', ');
}
