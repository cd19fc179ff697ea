import { messageOf } from '../../cni/index.ts';
import { fieldRefValue, resourceFieldValue, type DownwardFacts } from '../objects/downward.ts';
import { expandVariables } from '../objects/expand.ts';
import { envName } from '../objects/names.ts';
import type { Container, EnvVar, ObjectReader, Pod } from '../objects/types.ts';
import { ContainerConfigError } from './errors.ts';
import { type EnvFiles, fileKeyValue } from './file-variables.ts';
import { serviceVariables } from './services.ts';

/** What the environment of a pod's containers is made of, beside the pod itself. */
export interface EnvironmentInput {
  readonly objects: ObjectReader;
  readonly facts: DownwardFacts;
  /** What `fileKeyRef`s of the container refer to. */
  readonly files: EnvFiles;
}

type Source = NonNullable<EnvVar['valueFrom']>;
type FromSource = NonNullable<Container['envFrom']>[number];
/** A reference to a ConfigMap or Secret. */
interface Reference {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  readonly optional: boolean;
}

/**
 * The environment of a container (kubelet `makeEnvironmentVariables`): variables of Services, over them those of
 * `envFrom` in order, over them those of `env` in order. `$(NAME)` in a value of `env` sees all that comes before it.
 *
 * @throws {@link ContainerConfigError} when something that is not optional is missing
 */
export function resolveEnvironment(
  pod: Pod,
  container: Container,
  input: EnvironmentInput,
): ReadonlyMap<string, string> {
  const variables = new Map(serviceVariables(pod, input.objects));
  for (const from of container.envFrom ?? []) {
    for (const [name, value] of variablesFrom(pod, from, input.objects)) variables.set(name, value);
  }
  for (const variable of container.env) {
    const value = valueOf(pod, container, variable, variables, input);
    if (value !== undefined) variables.set(variable.name, value);
  }
  refuseNul(variables);
  return variables;
}

/** All of a ConfigMap or Secret, but for keys that cannot be names of variables. */
function variablesFrom(
  pod: Pod,
  { configMapRef, secretRef, prefix = '' }: FromSource,
  objects: ObjectReader,
): readonly (readonly [name: string, value: string])[] {
  const reference = referenceOf(configMapRef, secretRef);
  const data = reference === undefined ? undefined : read(pod, reference, objects);
  if (reference === undefined || data === undefined) return [];
  return Object.keys(data)
    .filter((key) => envName(prefix + key) === undefined)
    .map((key) => [prefix + key, textOf(pod, reference, key, data[key] ?? '')]);
}

/** Undefined: the variable is left out, because what it refers to is optional and not there. */
function valueOf(
  pod: Pod,
  container: Container,
  { name, value = '', valueFrom }: EnvVar,
  variables: ReadonlyMap<string, string>,
  input: EnvironmentInput,
): string | undefined {
  if (value !== '' || valueFrom === undefined) return expandVariables(value, variables);
  if (valueFrom.fieldRef !== undefined || valueFrom.resourceFieldRef !== undefined) {
    return ownValue(pod, container, valueFrom, input.facts);
  }
  if (valueFrom.fileKeyRef !== undefined) return fileKeyValue(valueFrom.fileKeyRef, input.files);
  const selector = valueFrom.configMapKeyRef ?? valueFrom.secretKeyRef;
  const reference = referenceOf(valueFrom.configMapKeyRef, valueFrom.secretKeyRef);
  if (selector === undefined || reference === undefined) {
    if (Object.keys(valueFrom).length === 0) return '';
    throw new ContainerConfigError(`environment variable ${name}: valueFrom names no source that is supported`);
  }
  return keyOf(pod, reference, selector.key, read(pod, reference, input.objects));
}

function ownValue(pod: Pod, container: Container, source: Source, facts: DownwardFacts): string {
  const { fieldRef, resourceFieldRef } = source;
  try {
    if (fieldRef !== undefined) return fieldRefValue(pod, fieldRef.fieldPath, facts);
    if (resourceFieldRef === undefined) return '';
    const { containerName, resource, divisor } = resourceFieldRef;
    const ref = { resource, ...(divisor === undefined ? {} : { divisor }) };
    return resourceFieldValue(pod, containerName || container.name, ref, facts.allocatable);
  } catch (error) {
    throw new ContainerConfigError(messageOf(error), { cause: error });
  }
}

type NamedReference = { readonly name?: string; readonly optional?: boolean } | undefined;

function referenceOf(configMap: NamedReference, secret: NamedReference): Reference | undefined {
  const found = configMap ?? secret;
  if (found === undefined) return undefined;
  const { name = '', optional = false } = found;
  return { kind: configMap === undefined ? 'Secret' : 'ConfigMap', name, optional };
}

type Data = Readonly<Record<string, string>>;

/** The data of a ConfigMap or Secret, the latter's in base64; undefined when it is optional and not there. */
function read(pod: Pod, { kind, name, optional }: Reference, objects: ObjectReader): Data | undefined {
  const object = objects.object(kind, pod.metadata.namespace, name);
  if (object !== undefined) return object.data ?? {};
  if (optional) return undefined;
  throw new ContainerConfigError(`${kind.toLowerCase()} ${JSON.stringify(name)} not found`);
}

function keyOf(pod: Pod, reference: Reference, key: string, data: Data | undefined): string | undefined {
  const value = data !== undefined && Object.hasOwn(data, key) ? data[key] : undefined;
  if (value !== undefined) return textOf(pod, reference, key, value);
  if (reference.optional) return undefined;
  const { kind, name } = reference;
  throw new ContainerConfigError(`couldn't find key ${key} in ${kind} ${pod.metadata.namespace}/${name}`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A value as text: runtimes take the environment in UTF-8 only. */
function textOf(pod: Pod, { kind, name }: Reference, key: string, value: string): string {
  if (kind === 'ConfigMap') return value;
  try {
    return utf8.decode(Buffer.from(value, 'base64'));
  } catch {
    // Without the cause, which may tell of the value.
    const where = `key ${key} in ${kind} ${pod.metadata.namespace}/${name}`;
    throw new ContainerConfigError(`${where} is not valid UTF-8; mount it as a file instead`);
  }
}

/** The kernel ends a variable at a NUL, and the runtime's own message about one would show the value. */
function refuseNul(variables: ReadonlyMap<string, string>): void {
  const broken = [...variables].find(([, value]) => value.includes('\0'))?.[0];
  if (broken !== undefined) {
    throw new ContainerConfigError(`the value of environment variable ${broken} contains a NUL byte`);
  }
}
