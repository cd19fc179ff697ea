import type { FieldPath } from './field-path.ts';
import { forbidden, given, invalid, type FieldProblem } from './field-problem.ts';
import { dns1123Subdomain, qualifiedName } from './names.ts';
import type { Pod, PodSpec } from './types.ts';
import { validateContainers } from './validate-containers.ts';
import { check, validateMetadata } from './validate-metadata.ts';
import { validatePodResources } from './validate-pod-resources.ts';
import { validateResolver } from './validate-resolver.ts';
import { RESTART_POLICIES } from './validate-restart.ts';
import { validateScheduling } from './validate-scheduling.ts';
import { validatePodSecurity } from './validate-security.ts';
import { between, notNegative, oneOf } from './validate-values.ts';
import { validateVolumes } from './validate-volumes.ts';

const OPERATING_SYSTEMS = ['linux', 'windows'];
const PREEMPTION_POLICIES = ['PreemptLowerPriority', 'Never'];
const MAX_INT32 = 2 ** 31 - 1;

/**
 * Checks a defaulted pod by the rules of `pkg/apis/core/validation` for every field that podwright acts on. A problem in an
 * item of a list is told at the item, also where the API server tells it at the list. Fields that podwright does not act
 * on are the business of support.ts.
 */
export function validatePod(pod: Pod, base: FieldPath = []): readonly FieldProblem[] {
  const path = [...base, 'spec'];
  return [
    ...validateMetadata(pod.metadata, [...base, 'metadata']),
    ...validateSpec(pod.spec, path),
    ...validatePodResources(pod, path),
  ];
}

function validateSpec(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  return [
    ...validateVolumes(spec, [...path, 'volumes']),
    ...validateContainers(spec, path),
    ...validateLifetime(spec, path),
    ...validateResolver(spec, path),
    ...validatePodSecurity(spec, [...path, 'securityContext']),
    ...validateNamespaces(spec, path),
    ...validateScheduling(spec, path),
    ...validateNames(spec, path),
  ];
}

function validateLifetime(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  return [
    ...oneOf(spec.restartPolicy, RESTART_POLICIES, [...path, 'restartPolicy']),
    ...notNegative(spec.terminationGracePeriodSeconds, [...path, 'terminationGracePeriodSeconds']),
    ...given(spec.activeDeadlineSeconds, (seconds) =>
      between(seconds, 1, MAX_INT32, [...path, 'activeDeadlineSeconds']),
    ),
  ];
}

/** `validateHostUsers`: users of a namespace of their own have no rights in the host's other namespaces. */
function validateNamespaces(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true);
  return [
    ...(spec.hostUsers === false
      ? shared.map((field) => forbidden([...path, field], 'when `pod.Spec.HostUsers` is false'))
      : []),
    ...(spec.hostPID === true && spec.shareProcessNamespace === true
      ? [invalid([...path, 'shareProcessNamespace'], true, 'ShareProcessNamespace and HostPID cannot both be enabled')]
      : []),
  ];
}

/** Names of other objects, of conditions and of what the pod is made for. */
function validateNames(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const { serviceAccountName = '', priorityClassName = '', readinessGates = [] } = spec;
  return [
    ...(serviceAccountName === '' ? [] : check(serviceAccountName, dns1123Subdomain, [...path, 'serviceAccountName'])),
    ...(priorityClassName === '' ? [] : check(priorityClassName, dns1123Subdomain, [...path, 'priorityClassName'])),
    ...given(spec.os, ({ name }) => oneOf(name, OPERATING_SYSTEMS, [...path, 'os', 'name'])),
    ...given(spec.preemptionPolicy, (policy) => oneOf(policy, PREEMPTION_POLICIES, [...path, 'preemptionPolicy'])),
    ...readinessGates.flatMap(({ conditionType = '' }, index) =>
      check(conditionType, qualifiedName, [...path, 'readinessGates', index, 'conditionType']),
    ),
  ];
}
