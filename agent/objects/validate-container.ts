import type { FieldPath } from './field-path.ts';
import { given, invalid, required, type FieldProblem } from './field-problem.ts';
import { dns1123Label } from './names.ts';
import type { Container, PodSpec } from './types.ts';
import { validateEnv, validateEnvFrom } from './validate-env.ts';
import { syntax } from './validate-metadata.ts';
import { validateVolumeMounts } from './validate-mounts.ts';
import { noControl } from './validate-paths.ts';
import { validatePorts } from './validate-ports.ts';
import { validateResources } from './validate-resources.ts';
import { validateResizePolicy } from './validate-restart.ts';
import { validateContainerSecurity } from './validate-security.ts';
import { oneOf } from './validate-values.ts';

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError'];

/** Checks what holds for containers of every kind (`validateContainerCommon`). */
export function validateContainer(container: Container, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const { resizePolicy = [], envFrom = [], securityContext } = container;
  const containerNames = [...spec.containers, ...(spec.initContainers ?? [])].map(({ name }) => name);
  return [
    ...syntax(container.name, dns1123Label, [...path, 'name']),
    ...validateImage(container.image, [...path, 'image']),
    ...oneOf(container.imagePullPolicy, PULL_POLICIES, [...path, 'imagePullPolicy']),
    ...validateProcess(container, path),
    ...validatePorts(container.ports, spec.hostNetwork === true, [...path, 'ports']),
    ...validateEnv(container.env, { volumes: spec.volumes, containerNames }, [...path, 'env']),
    ...validateEnvFrom(envFrom, [...path, 'envFrom']),
    ...validateVolumeMounts(container, spec.volumes, [...path, 'volumeMounts']),
    ...validateResources(container.resources, [...path, 'resources']),
    ...validateResizePolicy(resizePolicy, spec.restartPolicy, [...path, 'resizePolicy']),
    ...given(securityContext, (context) => validateContainerSecurity(context, spec, [...path, 'securityContext'])),
  ];
}

function validateImage(image: string, path: FieldPath): readonly FieldProblem[] {
  if (image === '') return [required(path)];
  return image.trim() === image ? [] : [invalid(path, image, 'must not have leading or trailing whitespace')];
}

function validateProcess(container: Container, path: FieldPath): readonly FieldProblem[] {
  const text = [...(container.command ?? []), ...(container.args ?? [])];
  return [
    ...(text.some((part) => part.includes('\0')) ? [invalid([...path, 'args'], '', 'must not contain NUL')] : []),
    ...noControl(container.workingDir ?? '', [...path, 'workingDir']),
    ...oneOf(container.terminationMessagePolicy, MESSAGE_POLICIES, [...path, 'terminationMessagePolicy']),
  ];
}
