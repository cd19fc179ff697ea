import type { Container, Pod } from '../objects/types.ts';
import type { ContainerSecurity, SandboxSecurity, SeccompProfile } from '../runtime/types.ts';
import {
  allContainers,
  effectiveApparmor,
  effectiveSeccomp,
  effectiveSelinux,
  effectiveUser,
  type Profile,
  type SelinuxOptions,
} from './effective.ts';

/** What the node and the image add to what a pod says. */
export interface SecurityDefaults {
  /** `seccompDefault` of the kubelet's configuration. */
  readonly seccompDefault: boolean;
  /** The JSON text of a profile, by its path below the seccomp folder of the node. */
  readonly seccompProfile: (localPath: string) => string;
  /** The image's `USER`, empty when it names none. */
  readonly imageUser: string;
}

/**
 * The security of a container as the runtime is asked for it.
 *
 * @throws what `seccompProfile` throws; an error for a profile of type Localhost that names no file
 */
export function containerSecurity(pod: Pod, container: Container, defaults: SecurityDefaults): ContainerSecurity {
  const context = container.securityContext ?? {};
  const isUnmasked = context.procMount === 'Unmasked';
  return {
    user: user(pod, container, defaults.imageUser),
    supplementalGroups: supplementalGroups(pod),
    privileged: context.privileged ?? false,
    // Not said is not false: programs with the setuid bit are common (kubelet: `AddNoNewPrivileges`).
    noNewPrivileges: context.allowPrivilegeEscalation === false,
    readOnlyRootFilesystem: context.readOnlyRootFilesystem ?? false,
    capabilitiesToAdd: capabilities(context.capabilities?.add),
    capabilitiesToDrop: capabilities(context.capabilities?.drop),
    seccomp: seccomp(effectiveSeccomp(pod, container, defaults.seccompDefault), defaults),
    apparmorProfile: apparmor(effectiveApparmor(pod, container)),
    selinuxLabels: selinuxLabels(effectiveSelinux(pod, container)),
    // The paths that Docker hides are those of the kubelet (`ConvertToRuntimeMaskedPaths`) and newer ones.
    maskedPaths: isUnmasked ? [] : undefined,
    readonlyPaths: isUnmasked ? [] : undefined,
  };
}

/**
 * The security of a pod's sandbox: the pod level, and seccomp as the runtime has it, whatever the containers have
 * (kubelet: `generatePodSandboxLinuxConfig`).
 */
export function sandboxSecurity(pod: Pod): SandboxSecurity {
  const context = pod.spec.securityContext ?? {};
  return {
    privileged: allContainers(pod).some(({ container }) => container.securityContext?.privileged === true),
    seccomp: { type: 'RuntimeDefault' },
    selinuxLabels: selinuxLabels(context.seLinuxOptions),
    runAsUser: context.runAsUser,
    runAsGroup: context.runAsGroup,
  };
}

/** A group alone goes with the image's user, which Docker would otherwise take for root. */
function user(pod: Pod, container: Container, imageUser: string): string | undefined {
  const { runAsUser, runAsGroup } = effectiveUser(pod, container);
  if (runAsGroup === undefined) return runAsUser?.toString();
  const [ofImage] = imageUser.split(':');
  return `${runAsUser ?? (ofImage || '0')}:${runAsGroup}`;
}

function supplementalGroups(pod: Pod): readonly number[] {
  const { fsGroup, supplementalGroups = [] } = pod.spec.securityContext ?? {};
  return [...new Set([...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups])];
}

function capabilities(names: readonly string[] = []): readonly string[] {
  return names.map((name) => name.toUpperCase().replace(/^CAP_/, ''));
}

function seccomp(profile: Profile, { seccompProfile }: SecurityDefaults): SeccompProfile {
  if (profile.type !== 'Localhost') return { type: profile.type };
  if (!profile.localhostProfile) throw new Error('seccompProfile of type Localhost has no localhostProfile');
  return { type: 'Localhost', profile: seccompProfile(profile.localhostProfile) };
}

function apparmor(profile: Profile | undefined): string | undefined {
  if (profile?.type === 'Unconfined') return 'unconfined';
  return profile?.type === 'Localhost' ? profile.localhostProfile : undefined;
}

/** In the form of Docker's `--security-opt label=`. */
function selinuxLabels(options: SelinuxOptions | undefined): readonly string[] {
  return (['user', 'role', 'type', 'level'] as const).flatMap((part) => {
    const value = options?.[part];
    return value ? [`${part}:${value}`] : [];
  });
}
