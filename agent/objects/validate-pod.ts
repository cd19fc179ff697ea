import type { FieldPath } from './field-path.ts';
import { invalid, type FieldProblem } from './field-problem.ts';
import { dns1123Label, dns1123Subdomain } from './names.ts';
import { oneOf, validateContainers } from './validate-container.ts';
import { check, validateMetadata } from './validate-metadata.ts';
import { validateVolumes } from './validate-volumes.ts';
import type { Pod, PodSpec } from './types.ts';

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

/**
 * Checks a defaulted pod by the rules of `pkg/apis/core/validation` for every field that podwright acts on. Fields that it does not
 * act on are the business of support.ts.
 */
export function validatePod(pod: Pod, base: FieldPath = []): readonly FieldProblem[] {
  return [...validateMetadata(pod.metadata, [...base, 'metadata']), ...validateSpec(pod.spec, [...base, 'spec'])];
}

function validateSpec(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  return [
    ...validateVolumes(spec.volumes, [...path, 'volumes']),
    ...validateContainers(spec, [...path, 'containers']),
    ...oneOf(spec.restartPolicy, RESTART_POLICIES, [...path, 'restartPolicy']),
    ...oneOf(spec.dnsPolicy, DNS_POLICIES, [...path, 'dnsPolicy']),
    ...validateGracePeriod(spec.terminationGracePeriodSeconds, [...path, 'terminationGracePeriodSeconds']),
    ...validateHostname(spec, path),
    ...validateProcessNamespace(spec, [...path, 'shareProcessNamespace']),
  ];
}

function validateGracePeriod(seconds: number, path: FieldPath): readonly FieldProblem[] {
  return seconds >= 0 ? [] : [invalid(path, seconds, 'must be greater than or equal to 0')];
}

function validateHostname(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  return [
    ...(spec.hostname ? check(spec.hostname, dns1123Label, [...path, 'hostname']) : []),
    ...(spec.subdomain ? check(spec.subdomain, dns1123Label, [...path, 'subdomain']) : []),
    ...(spec.priorityClassName ? check(spec.priorityClassName, dns1123Subdomain, [...path, 'priorityClassName']) : []),
    ...(spec.dnsPolicy === 'None' && spec.dnsConfig === undefined
      ? [invalid([...path, 'dnsPolicy'], 'None', 'needs dnsConfig with at least one nameserver')]
      : []),
  ];
}

function validateProcessNamespace(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  if (spec.hostPID !== true || spec.shareProcessNamespace !== true) return [];
  return [invalid(path, true, 'ShareProcessNamespace and HostPID cannot both be enabled')];
}
