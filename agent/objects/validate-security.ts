import type { ISecurityContext } from 'kubernetes-models/v1';
import type { FieldPath } from './field-path.ts';
import { given, invalid, repeated, duplicate, required, tooLong, type FieldProblem } from './field-problem.ts';
import { sysctlName } from './names.ts';
import type { PodSpec } from './types.ts';
import { syntax } from './validate-metadata.ts';
import { validateRelativePath } from './validate-paths.ts';
import { oneOf, requiredOneOf, validateId } from './validate-values.ts';

type PodSecurity = NonNullable<PodSpec['securityContext']>;
type Profile = NonNullable<PodSecurity['seccompProfile']>;

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const PROC_MOUNTS = ['Default', 'Unmasked'];
const GROUPS_POLICIES = ['Merge', 'Strict'];
const FS_GROUP_POLICIES = ['Always', 'OnRootMismatch'];
const SELINUX_POLICIES = ['MountOption', 'Recursive'];

/** PATH_MAX without its NUL. */
const MAX_PROFILE_BYTES = 4095;

/** Checks the security context of a pod (`validatePodSpecSecurityContext`). */
export function validatePodSecurity(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const context: PodSecurity = spec.securityContext ?? {};
  return [
    ...validateIdentity(context, path),
    ...validateId(context.fsGroup, [...path, 'fsGroup']),
    ...(context.supplementalGroups ?? []).flatMap((group, index) =>
      validateId(group, [...path, 'supplementalGroups', index]),
    ),
    ...validateSysctls(context.sysctls ?? [], spec, [...path, 'sysctls']),
    ...given(context.supplementalGroupsPolicy, (policy) =>
      oneOf(policy, GROUPS_POLICIES, [...path, 'supplementalGroupsPolicy']),
    ),
    ...given(context.fsGroupChangePolicy, (policy) =>
      oneOf(policy, FS_GROUP_POLICIES, [...path, 'fsGroupChangePolicy']),
    ),
    ...given(context.seLinuxChangePolicy, (policy) =>
      oneOf(policy, SELINUX_POLICIES, [...path, 'seLinuxChangePolicy']),
    ),
  ];
}

/** Checks the security context of a container (`ValidateSecurityContext`). */
export function validateContainerSecurity(
  context: ISecurityContext,
  spec: PodSpec,
  path: FieldPath,
): readonly FieldProblem[] {
  return [
    ...validateIdentity(context, path),
    ...validateProcMount(context.procMount, spec.hostUsers !== false, [...path, 'procMount']),
    ...validateEscalation(context, path),
  ];
}

/** What a pod and a container can both say. */
function validateIdentity(context: PodSecurity | ISecurityContext, path: FieldPath): readonly FieldProblem[] {
  return [
    ...validateId(context.runAsUser, [...path, 'runAsUser']),
    ...validateId(context.runAsGroup, [...path, 'runAsGroup']),
    ...given(context.seccompProfile, (profile) => validateSeccomp(profile, [...path, 'seccompProfile'])),
    ...given(context.appArmorProfile, (profile) => validateAppArmor(profile, [...path, 'appArmorProfile'])),
  ];
}

/** The profile is a file beneath the node's directory of seccomp profiles (`validateSeccompProfileField`). */
function validateSeccomp(profile: Profile, path: FieldPath): readonly FieldProblem[] {
  const { type, localhostProfile } = profile;
  const at = [...path, 'localhostProfile'];
  const types = requiredOneOf(type, PROFILE_TYPES, [...path, 'type'], 'type is required when seccompProfile is set');
  if (type === 'Localhost') {
    return localhostProfile === undefined
      ? [required(at, 'must be set when seccomp type is Localhost')]
      : validateRelativePath(localhostProfile, at);
  }
  if (localhostProfile === undefined) return types;
  return [...types, invalid(at, localhostProfile, 'can only be set when seccomp type is Localhost')];
}

/** The profile is the name of one that is loaded (`ValidateAppArmorProfileField`). */
function validateAppArmor(profile: Profile, path: FieldPath): readonly FieldProblem[] {
  const { type, localhostProfile } = profile;
  const at = [...path, 'localhostProfile'];
  const types = requiredOneOf(type, PROFILE_TYPES, [...path, 'type'], 'type is required when appArmorProfile is set');
  if (type === 'Localhost') return validateAppArmorName(localhostProfile ?? '', at);
  if (localhostProfile === undefined || types.length > 0) return types;
  return [invalid(at, localhostProfile, 'can only be set when AppArmor type is Localhost')];
}

function validateAppArmorName(name: string, path: FieldPath): readonly FieldProblem[] {
  const trimmed = name.trim();
  if (trimmed !== name) return [invalid(path, name, 'must not be padded with whitespace')];
  if (trimmed === '') return [required(path, 'must be set when AppArmor type is Localhost')];
  return Buffer.byteLength(name) > MAX_PROFILE_BYTES ? [tooLong(path, MAX_PROFILE_BYTES)] : [];
}

function validateProcMount(mount: string | undefined, hostUsers: boolean, path: FieldPath): readonly FieldProblem[] {
  if (mount === undefined) return [];
  if (mount === 'Unmasked' && hostUsers) return [invalid(path, mount, '`hostUsers` must be false to use `Unmasked`')];
  return oneOf(mount, PROC_MOUNTS, path);
}

/** What is privileged can escalate whatever is said. */
function validateEscalation(context: ISecurityContext, path: FieldPath): readonly FieldProblem[] {
  if (context.allowPrivilegeEscalation !== false) return [];
  const cannot = (other: string): FieldProblem =>
    invalid(path, context, `cannot set \`allowPrivilegeEscalation\` to false and ${other}`);
  return [
    ...(context.privileged === true ? [cannot('`privileged` to true')] : []),
    ...((context.capabilities?.add ?? []).includes('CAP_SYS_ADMIN')
      ? [cannot('`capabilities.Add` CAP_SYS_ADMIN')]
      : []),
  ];
}

/** Checks kernel parameters (`validateSysctls`): those of a namespace that is the host's are not the pod's to set. */
function validateSysctls(
  sysctls: readonly { name?: string }[],
  spec: PodSpec,
  path: FieldPath,
): readonly FieldProblem[] {
  return [
    ...sysctls.flatMap(({ name }, index) => {
      const at = [...path, index, 'name'];
      const problems = syntax(name, sysctlName, at);
      return problems.length > 0 || name === undefined ? problems : validateHostSysctl(name, spec, at);
    }),
    ...repeated(sysctls, ({ name }) => name).map((index) =>
      duplicate([...path, index, 'name'], sysctls[index]?.name ?? ''),
    ),
  ];
}

function validateHostSysctl(name: string, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const namespace = sysctlNamespace(name.replaceAll('/', '.'));
  if (namespace === 'net' && spec.hostNetwork === true) {
    return [invalid(path, name, "may not be specified when 'hostNetwork' is true")];
  }
  if (namespace === 'ipc' && spec.hostIPC === true) {
    return [invalid(path, name, "may not be specified when 'hostIPC' is true")];
  }
  return [];
}

/** The namespace that a kernel parameter belongs to (component-helpers `node/util/sysctl`). */
function sysctlNamespace(name: string): 'net' | 'ipc' | undefined {
  if (name.startsWith('net.')) return 'net';
  return name === 'kernel.sem' || /^(kernel\.(shm|msg)|fs\.mqueue\.)/.test(name) ? 'ipc' : undefined;
}
